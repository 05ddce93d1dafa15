FROM python:3.11-slim-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends gcc pkg-config libmariadb-dev
COPY requirements/production.txt /
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir --require-hashes --no-deps -r /production.txt

FROM python:3.11-slim-bookworm
RUN apt-get update && apt-get install -y --no-install-recommends libmariadb3 && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 sluicegate && install -d -o sluicegate -m 0700 /data
COPY --from=build /venv /venv
WORKDIR /app
COPY manage.py ./
COPY config config
COPY ingestion ingestion
COPY integrations integrations
COPY templates templates
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 SLUICEGATE_BOOTSTRAP=0 SLUICEGATE_VAR=/data
USER sluicegate
CMD ["python", "-m", "config.web", "0.0.0.0:8000"]
