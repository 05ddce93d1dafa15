"""Bank statements: OFX/QFX, MT940/942, CAMT.052/053/054 and CSV become accounts, statements and transactions.

Everything but `models`, `destination`, `pipelines`, `admin` and `apps` is plain Python and imports no Django.
"""

from integrations.extras import need

need("bank")
