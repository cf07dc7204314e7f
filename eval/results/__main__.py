"""`python -m eval.results`: writes the JSON schema of results.json."""

from eval.results.results import SCHEMA_FILE, schema

if __name__ == "__main__":
    SCHEMA_FILE.write_text(schema())
