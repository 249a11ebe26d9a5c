"""Sixty names that mean something somewhere: to HTML, style, script, Jinja, Markdown, tables."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

MARKUP = """
'"><img src=x onerror=alert(1)>|<svg/onload=alert(1)>|<script>alert(1)</script>
</script><script>alert(1)//|</style><script>alert(1)</script>|</title><script>alert(1)</script>
</textarea><script>alert(1)</script>|--><script>alert(1)</script>|<!--<script>|]]><script>
" onmouseover="alert(1)|' onfocus='alert(1)' autofocus='|" autofocus onfocus=alert(1) x="
" style="background:url(https://example.org/x)|javascript:alert(1)|JaVaScRiPt:alert(1)
data:text/html,<script>alert(1)</script>|vbscript:msgbox(1)|//example.org/x|https://example.org/x
<iframe src=https://example.org>|<iframe srcdoc='<script>alert(1)</script>'>|<object data=x>
<embed src=https://example.org>|<link rel=stylesheet href=https://example.org/x.css>
<base href=https://example.org/>|<meta http-equiv=refresh content='0;url=https://example.org'>
<form action=https://example.org><input type=submit>|<input autofocus onfocus=alert(1)>
<details open ontoggle=alert(1)>|<video><source onerror=alert(1)></video>
<audio src=x onerror=alert(1)>
<body onload=alert(1)>|<marquee onstart=alert(1)>|<a href=javascript:alert(1)>x</a>|<b>bold</b>
<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>
<noscript><p title="</noscript><img>">
<template><script>alert(1)</script></template>|<svg><use href=https://example.org/x#a></svg>
<svg><animate onbegin=alert(1) attributeName=x dur=1s>|<svg><script href=https://example.org/x.js>
<picture><source srcset=https://example.org/x>|<img srcset=https://example.org/x>|<plaintext>|<xmp>
{{ 7 * 7 }}{% raw %}|{{ ''.__class__ }}|${alert(1)}|`${alert(1)}`|\\u003cscript\\u003e|%3Cscript%3E
&lt;script&gt;alert(1)&lt;/script&gt;|&#60;script&#62;|&#x3c;img src=x onerror=alert(1)&#x3e;
&quot;&gt;
../../../etc/passwd|file:///etc/passwd|@import url(https://example.org/x.css)|=cmd
\u202egnp.exe\u2066
constructor|__proto__|#register?register-table.q=x|]'"\\|\u2028\u2029|\U0001f415 e\u0301
"""
NAMES = tuple(name for line in MARKUP.strip().splitlines() for name in line.split("|"))
ROUNDS = 6


def rounds(plain: str) -> Iterator[str]:
    """Yield results as JSON in which every ``name word`` has become one of the names and the word.

    A rendering for each name would take minutes: what begins with the same word gets the same
    name, other words others, so that every result holds many and links still find their targets.
    All of them together hold all names.
    """
    words = sorted(set(re.findall(r"name (\w*)", plain)))
    used = set()
    for turn in range(ROUNDS):
        given = {
            word: NAMES[(place + turn * len(NAMES) // ROUNDS) % len(NAMES)]
            for place, word in enumerate(words)
        }
        used |= set(given.values())
        yield re.sub(
            r"name (\w*)",
            lambda match, given=given: (
                json.dumps(given[match[1]], ensure_ascii=False)[1:-1] + match[1]
            ),
            plain,
        )
    assert used == set(NAMES)
