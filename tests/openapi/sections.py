"""The headings of the vendors' documents that can be read: what the source of a documented rule may name."""

SECTIONS = {
    "Salsa Engage, API - Groups Data Detail": (
        "Note",
        "Adding/Updating Segments",
        "Create/Update Request Example",
        "Create/Update Response Example",
        "Deleting Segments",
        "Delete Request Example",
        "Delete Response Example",
        "Searching for Segments",
        "Request Body Format",
        "Request Examples",
        "Response Body Format",
    ),
    "Instaleap Segmenter, Update segment": (
        "How to update a segment ?",
        "Remove people from the segment",
        "You can edit the substitution tags of a persons",
        "Authorization",
        "Responses",
    ),
    "Instaleap Segmenter, Create segment": ("How to create a segment ?",),
    # Only the beginning of these is published: a source may name no other section of them.
    "Salsa Engage, API - General Use": ("Error Codes Returned",),
    "Salsa Engage, Supporter Data": (),
    "Salsa Engage Integration API Overview": (),
}


def is_section(source: str) -> bool:
    """Return whether what *source* names before its first ``;`` or ``:`` is a document, or a section of one."""
    name = source.partition(";")[0].partition(":")[0].strip()
    for document, sections in SECTIONS.items():
        if name == document or name in [f"{document}, {section}" for section in sections]:
            return True
    return False
