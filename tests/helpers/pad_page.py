"""The least page that holds a pad, under the policy of the real one."""

import base64
import hashlib

from imlogit.report.html.pad import pad_section
from imlogit.system.plain_json import to_printable_json

COLOURS = """
:root { color-scheme: light dark; --ink: #1d1f23; --paper: #fff; --accent: #0b62c4; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e7e8ea; --paper: #16181c; --accent: #6cb0ff; --line: #363a42; --muted: #a3a8b1; }
}
body { background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif;
  margin: 2rem auto; max-width: 60rem; padding: 0 1rem; }
"""


def write_pad_page(path, model):
    """Write a page that holds a model's pad, and return its path."""
    section = pad_section(model)
    style = COLOURS + section.style
    scripts = "\n".join(f"<script>{script}</script>" for script in section.scripts)
    allowed = " ".join(map(_hash, section.scripts)) or "'none'"
    policy = f"default-src 'none'; script-src {allowed}; style-src {_hash(style)}; img-src data:"
    data = to_printable_json(section.data).replace("<", "\\u003c")
    path.write_text(
        f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Pad</title>
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,"><style>{style}</style></head>
<body><main><h1>Model</h1>{section.html}</main>
<script type="application/json" id="model-data">{data}</script>
{scripts}</body></html>""",
        encoding="utf-8",
    )
    return path


def _hash(text):
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
