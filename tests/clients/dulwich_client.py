"""Clones a repository with dulwich, adds a commit, pushes it, clones again and compares.

dulwich_client.py URL DIRECTORY        URL holds the user's name and token
"""

import sys

from dulwich import porcelain


def main(url, directory):
    first, second = f"{directory}/first", f"{directory}/second"
    repo = porcelain.clone(url, first, errstream=open("/dev/null", "wb"))
    before = repo.head()
    with open(f"{first}/dulwich.txt", "w", encoding="utf-8") as file:
        file.write("written by dulwich\n")
    porcelain.add(first, [f"{first}/dulwich.txt"])
    made = porcelain.commit(
        first, message=b"from dulwich", author=b"D <d@example.org>", committer=b"D <d@example.org>"
    )
    branch = porcelain.active_branch(first)
    porcelain.push(first, url, b"refs/heads/" + branch, errstream=open("/dev/null", "wb"))
    again = porcelain.clone(url, second, errstream=open("/dev/null", "wb"))
    assert again.head() == made, (again.head(), made)
    assert again[made].parents == [before], again[made].parents
    with open(f"{second}/dulwich.txt", encoding="utf-8") as file:
        assert file.read() == "written by dulwich\n"
    print(made.decode())


if __name__ == "__main__":
    main(*sys.argv[1:])
