"""From what a rule wants changed to edits of the text, and from edits to files.

``change`` turns the ``fix:`` of a rule into edits, ``layout`` makes them look like what stands
around them, ``mend`` and ``bypass`` hold the repairs that take more than a path. ``apply`` puts
edits into texts, pass by pass, and refuses those that would break one.
"""
