"""Configurations of others, from a folder that is not in the tree: every line must be told, and the result must load.

    PYTHONPATH=tests python -m kit.real_configurations FOLDER     (dnsmasq.conf files, each by itself)

Prints a line a file and the sum; exits with 1 if a file could not be migrated or a line was not told.
"""

import sys
from collections import Counter
from pathlib import Path

from anchorhold.config.errors import SettingsError
from anchorhold.migrate.dnsmasq import migrate
from anchorhold.migrate.reading import Reader, Unreadable
from anchorhold.migrate.settle import settled


def told(path: Path) -> Counter[str]:
    """Counts of one file; `untold` are lines of which nothing was said."""
    migration = migrate((path,), Reader())
    settled(migration, path.with_suffix(".toml"), "")
    report = migration.report
    lines = sum(len(Path(name).read_text(errors="replace").splitlines()) for name in report.files)
    counts = Counter(report.counts())
    counts["untold"] = len(report.unsaid()) + abs(lines - len(report.lines) - report.blank)
    counts["taken out by our own check"] = sum("refused by our own" in line.reason for line in report.lines)
    counts["refused by dnsmasq too"] = sum("itself refuses" in line.reason for line in report.lines)
    return counts


def main() -> int:
    total: Counter[str] = Counter()
    files = [path for path in sorted(Path(sys.argv[1]).iterdir()) if path.is_file()]
    for path in files:
        try:
            counts = told(path)
        except (Unreadable, SettingsError) as error:
            counts = Counter({"failed": 1})
            print(f"{path.name}: {error}")
        print(f"{path.name}: {dict(counts)}")
        total += counts
    print(f"{len(files)} files: {dict(total)}")
    return 1 if total["failed"] or total["untold"] else 0


if __name__ == "__main__":
    sys.exit(main())
