"""The wheel contains the page and every file that it loads."""

import re

import requests

from segment_mock import SegmentMock


def test_the_page_and_its_files_are_in_the_wheel():
    with SegmentMock() as mock:
        base = f"{mock.serve().url}/_mock/"
        queue, visited = ["", "docs"], set()
        while queue:
            path = queue.pop()
            visited.add(path)
            response = requests.get(base + path, timeout=5)
            assert response.ok, path
            links = re.findall(r'(?:src|href)="([\w/.-]+\.\w+)"', response.text) if path in ("", "docs") else []
            links += (
                [f"static/{name}" for name in re.findall(r'from "\./(\w+\.js)"', response.text)]
                if "static" in path
                else []
            )
            queue += [name for name in links if name not in visited]

    assert {"static/app.js", "static/style.css", "static/records.js", "docs/swagger-ui-bundle.js"} <= visited
