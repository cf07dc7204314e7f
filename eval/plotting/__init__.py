"""How plots of pages look: small SVGs that follow the reader's light or dark theme (`theme`).

`eval.report` and `eval.anatomy` import it; it imports nothing of this application.
"""
