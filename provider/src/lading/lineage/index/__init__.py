"""The index: lineage events as rows of a relational database, for queries and the UI.

It holds nothing that the log does not, and may be dropped and made again at any time. Rows are only ever
added, or moved to an earlier time, whatever the order in which events arrive.
"""
