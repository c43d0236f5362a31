"""The part of CloudWatch Logs Insights that the saved queries of template.yaml use, over log lines in memory.

Source: CloudWatch Logs User Guide, "CloudWatch Logs Insights language query syntax". Unsupported commands, functions
and operators are rejected, never ignored, and so is a field that no line has: a typo in a query must not look like an
empty answer.
"""

import json
import re


def fields_of(line, timestamp=0):
    """Returns the fields that Logs Insights finds in a JSON line: nested ones with dots, list entries by position."""
    found = {"@message": line, "@timestamp": timestamp}

    def walk(path, value):
        if isinstance(value, (dict, list)):
            members = value.items() if isinstance(value, dict) else enumerate(value)
            for name, member in members:
                walk(f"{path}.{name}" if path else str(name), member)
        else:
            found[path] = value

    walk("", json.loads(line))
    return found


def named(text):
    """Parses a field's name, which needs backticks if it contains more than letters, digits, @ and dots."""
    text = text.strip()
    if text.startswith("`"):
        assert re.fullmatch(r"`[^`]+`", text), text
        return text[1:-1]
    assert re.fullmatch(r"[@A-Za-z0-9.]+", text), f"{text} needs backticks"
    return text


PROTECTED = r"""'[^']*'|`[^`]*`|/(?:[^/\\]|\\.)*/|\([^()]*\)"""


def split(text, separator):
    """Splits at the separator outside of quotes, backticks, patterns and parentheses."""
    parts = [""]
    for token in re.finditer(rf"(?P<protected>{PROTECTED})|(?P<separator>{separator})|.", text, re.DOTALL):
        if token["separator"]:
            parts.append("")
        else:
            parts[-1] += token[0]
    return [part.strip() for part in parts]


def filtered(pattern, lines):
    """Returns the lines that match a metric filter, if its pattern compares one field of a JSON line with a text.

    Source: CloudWatch Logs User Guide, "Filter pattern syntax for metric filters". Other patterns are rejected.
    """
    path, value = re.fullmatch(r'\{ \$\.([A-Za-z0-9.]+) = "([A-Z_]+)" \}', pattern).groups()
    assert any(path in fields_of(line) for line in lines), f"no line has a field {path}"
    return [line for line in lines if fields_of(line).get(path) == value]


class Query:
    """A query over the fields of lines."""

    def __init__(self, text):
        self.commands = [command.split(None, 1) for command in split(text, r"\|")]

    def run(self, lines):
        """Returns the rows of the answer. A line may be a pair of the line and its timestamp."""
        rows = [fields_of(line) if isinstance(line, str) else fields_of(*line) for line in lines]
        self.known = {name for row in rows for name in row}
        for command, argument in self.commands:
            rows = getattr(self, command)(argument, rows)
        return rows

    def field(self, text):
        name = named(text)
        assert name in self.known, f"no line has a field {name}"
        return name

    def filter(self, argument, rows):
        tests = [self.test(condition) for condition in split(argument, r"\band\b")]
        return [row for row in rows if all(test(row) for test in tests)]

    def test(self, condition):
        if match := re.fullmatch(r"ispresent\((.+)\)", condition):
            name = self.field(match[1])
            return lambda row: row.get(name) is not None
        if match := re.fullmatch(r"(\S+) = '([^']*)'", condition):
            name, value = self.field(match[1]), match[2]
            return lambda row: row.get(name) == value
        if match := re.fullmatch(r"(\S+) != '([^']*)'", condition):
            name, value = self.field(match[1]), match[2]
            return lambda row: row.get(name) != value
        match = re.fullmatch(r"(\S+) like /(.+)/", condition)
        assert match, f"not played: filter {condition}"
        name, pattern = self.field(match[1]), re.compile(match[2])
        return lambda row: pattern.search(str(row.get(name, ""))) is not None

    def parse(self, argument, rows):
        field, pattern = re.fullmatch(r"(\S+) /(.*)/", argument, re.DOTALL).groups()
        name, pattern = self.field(field), re.compile(pattern.replace("(?<", "(?P<"))
        self.known |= set(pattern.groupindex)

        def extended(row):
            match = pattern.search(row[name])
            return {**row, **(match.groupdict() if match else {})}

        return [extended(row) for row in rows]

    def columns(self, argument):
        """Returns a map from each field to its name in the answer."""
        pairs = [re.split(r"\s+as\s+", column) for column in split(argument, ",")]
        columns = {self.field(pair[0]): named(pair[-1]) for pair in pairs}
        self.known |= set(columns.values())
        return columns

    def fields(self, argument, rows):
        columns = self.columns(argument)
        return [{shown: row.get(name) for name, shown in columns.items()} for row in rows]

    def stats(self, argument, rows):
        functions, by = re.fullmatch(r"(.*?)\s+by\s+(.*)", argument, re.DOTALL).groups()
        columns = self.columns(by)
        groups = {}
        for row in rows:
            groups.setdefault(tuple(row.get(name) for name in columns), []).append(row)
        counted = [dict(zip(columns.values(), key, strict=True)) for key in groups]
        for function in split(functions, ","):
            name, field, shown = re.fullmatch(r"(\w+)\((\S+)\) as (\w+)", function).groups()
            self.known.add(shown)
            for target, members in zip(counted, groups.values(), strict=True):
                if name == "count" and field == "*":
                    target[shown] = len(members)
                elif name == "sum":
                    target[shown] = sum(member[self.field(field)] for member in members)
                else:
                    # Lines are sorted by time.
                    member = {"earliest": 0, "latest": -1}.get(name)
                    assert member is not None, f"not played: stats {function}"
                    target[shown] = members[member][self.field(field)]
        return counted

    def sort(self, argument, rows):
        field, order = argument.split()
        name = self.field(field)
        return sorted(rows, key=lambda row: row[name], reverse={"asc": False, "desc": True}[order])

    def dedup(self, argument, rows):
        """Keeps the first row with each value; only a limit may follow."""
        name, kept = self.field(argument), {}
        for row in rows:
            kept.setdefault(row[name], row)
        return list(kept.values())

    def limit(self, argument, rows):
        return rows[: int(argument)]
