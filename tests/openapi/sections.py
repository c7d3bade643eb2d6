"""The sections of the vendors' published documents, which the sources of documented rules may name."""

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
    # Only the beginnings of these documents are published, so a source may name no other section.
    "Salsa Engage, API - General Use": ("Error Codes Returned",),
    "Salsa Engage, Supporter Data": (),
    "Salsa Engage Integration API Overview": (),
}


def is_section(source: str) -> bool:
    """Return whether *source*, up to its first ``;`` or ``:``, names a document or a section of a document."""
    name = source.partition(";")[0].partition(":")[0].strip()
    for document, sections in SECTIONS.items():
        if name == document or name in [f"{document}, {section}" for section in sections]:
            return True
    return False
