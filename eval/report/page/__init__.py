"""`report.html`: one file that asks for nothing else.

`render` puts it together of `templates/` and `assets/` (styles and scripts), `data` is the JSON that the scripts draw,
`tables` the rows of its tables. `write` imports it; it may import the report's pictures and plots.
"""
