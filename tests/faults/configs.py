"""Between what somebody writes, into a config or a declaration, and who has to know that it is wrong."""

from tests.faults.planting import Fault

_WRONG = ("tests/integrations/test_wrong_configs.py",)
_STORED = ("tests/ingestion/test_refused_configs.py",)

FAULTS = [
    Fault("ingestion/core/configs.py", '    _require_integration(config.get("integration"))\n', "", _WRONG),
    Fault("ingestion/core/configs.py", "        pipeline.source.check_config(in_force)", "        pass", _WRONG),
    Fault("ingestion/core/configs.py", "by_name=not judges", "by_name=False", _WRONG),
    Fault(
        "ingestion/core/config_keys.py",
        "    if isinstance(keys, type):\n        _judge",
        "    if False:\n        _judge",
        _WRONG,
    ),
    Fault(
        "ingestion/core/config_keys.py", "advice(str(name)) or elsewhere(str(name)) or", "advice(str(name)) or", _WRONG
    ),
    Fault("ingestion/running/configs.py", "if execution.claim.fence != 1:", "if True:", _STORED),
    Fault(
        "ingestion/actions/refused_configs.py",
        "    except Exception as error:",
        "    except LookupError as error:\n        raise\n    except Exception as error:",
        _STORED,
    ),
    Fault(
        "ingestion/core/records.py",
        "if not is_valid(value := getattr(self, name)):",
        "if not is_valid(value := getattr(self, name)) and False:",
        ("tests/ingestion/test_wrong_pages.py",),
    ),
    Fault(
        "ingestion/admin/pages/uploads.py",
        "if pairs and _is_open(pairs[-1]):",
        "if False:",
        ("tests/integrations/bank/test_layouts_as_json.py",),
    ),
]
