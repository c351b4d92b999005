# SPDX-License-Identifier: GPL-2.0-or-later
"""The file: page.html with everything inlined, and a policy that lets the browser run nothing else
and ask nobody."""

import base64
import hashlib
import html
import json
import pathlib

HERE = pathlib.Path(__file__).parent

# In this order; one scope.
SCRIPTS = ("format.js", "dom.js", "data.js", "state.js", "marks.js", "chart.js", "spark.js",
           "verdict.js", "fleet.js", "history.js", "costs.js", "tails.js", "hosts.js", "flame.js", "exact.js",
           "trials.js", "findings.js", "main.js")


def embedded(value):
    """JSON that cannot end the element it stands in, whatever it holds."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def digest(text):
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def licence(name, text):
    return f"{name}\n\n{text.strip().replace('--', '- -')}"


def page(data, uplot, hierarchy=None):
    """@hierarchy: d3-hierarchy, for a page that has flame graphs."""
    script, style, terms = uplot
    others = [hierarchy] if hierarchy else []
    scripts = [script.strip(), *(text.strip() for text, _ in others), "\"use strict\";\n" + "\n".join(
        (HERE / name).read_text(encoding="utf-8") for name in SCRIPTS)]
    styles = [style.strip(), (HERE / "page.css").read_text(encoding="utf-8")]
    policy = ("default-src 'none'; base-uri 'none'; form-action 'none'; connect-src 'none'; "
              f"img-src data:; script-src {' '.join(map(digest, scripts))}; "
              f"style-src {' '.join(map(digest, styles))}")
    # Base64 holds nothing that ends an element.
    blocks = [f'<script type="text/plain" id="{kind}-{at}">{block}</script>'
              for kind in ("blocks", "tails", "profiles") for at, block in enumerate(data[kind])]
    parts = {
        "policy": html.escape(policy, quote=True),
        "title": html.escape(data["page"]["title"], quote=True),
        "licence": "\n\n".join([licence("uPlot", terms), *(licence("d3-hierarchy", text) for _, text in others)]),
        "styles": "\n".join(f"<style>{text}</style>" for text in styles),
        "data": f'<script type="application/json" id="data">{embedded(data["page"])}</script>',
        "blocks": "\n".join(blocks),
        "scripts": "\n".join(f"<script>{text}</script>" for text in scripts),
    }
    # Piece by piece: what is put in is not looked at again.
    pieces = (HERE / "page.html").read_text(encoding="utf-8").split("{{")
    made = [pieces[0]]
    for piece in pieces[1:]:
        name, rest = piece.split("}}", 1)
        made += parts[name], rest
    return "".join(made)
