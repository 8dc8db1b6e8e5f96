#!/usr/bin/env python3
"""merge_toml.py BASE OVERRIDE... - lays TOML documents over one another and prints the result.

Tables merge key by key. [[port]] entries merge by their `name`. Any other array is replaced as a whole.
Covers what a Wirepage configuration holds: tables of scalars and arrays, and arrays of tables.
"""

import json
import sys
import tomllib


def merge_ports(base: list, override: list) -> list:
    merged = {port.get("name"): port for port in base}
    for port in override:
        name = port.get("name")
        merged[name] = {**merged.get(name, {}), **port}
    return list(merged.values())


def merge(base: dict, override: dict) -> dict:
    merged = dict(base)
    for key, value in override.items():
        below = merged.get(key)
        if isinstance(below, dict) and isinstance(value, dict):
            merged[key] = merge(below, value)
        elif key == "port" and isinstance(below, list) and is_array_of_tables(value):
            merged[key] = merge_ports(below, value)
        else:
            merged[key] = value
    return merged


def is_array_of_tables(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, dict) for item in value)


def literal(value: object) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(literal(item) for item in value) + "]"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key_literal(k)} = {literal(v)}" for k, v in value.items()) + " }"
    if isinstance(value, (str, bool)):
        # A JSON string is a TOML basic string; so are JSON's true and false.
        return json.dumps(value, ensure_ascii=False)
    return str(value)


def key_literal(key: str) -> str:
    bare = key.isascii() and key.replace("-", "_").isidentifier()
    return key if bare else json.dumps(key, ensure_ascii=False)


def table_lines(table: dict, path: str) -> list[str]:
    lines = []
    nested = []
    for key, value in table.items():
        inner = f"{path}.{key_literal(key)}" if path else key_literal(key)
        if isinstance(value, dict):
            nested.append(["", f"[{inner}]", *table_lines(value, inner)])
        elif is_array_of_tables(value):
            for item in value:
                nested.append(["", f"[[{inner}]]", *table_lines(item, inner)])
        else:
            lines.append(f"{key_literal(key)} = {literal(value)}")
    return lines + [line for block in nested for line in block]


def main() -> int:
    merged: dict = {}
    for path in sys.argv[1:]:
        try:
            with open(path, "rb") as file:
                merged = merge(merged, tomllib.load(file))
        except (OSError, tomllib.TOMLDecodeError) as error:
            print(f"{path}: {error}", file=sys.stderr)
            return 1
    print("\n".join(table_lines(merged, "")).lstrip("\n"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
