"""Clones a repository with libgit2 (pygit2), adds a commit, pushes it, clones again and compares.

pygit2_client.py URL USER TOKEN DIRECTORY
"""

import sys

import pygit2


class Callbacks(pygit2.RemoteCallbacks):
    """Gives the token when asked, and fails when the server refuses a ref."""

    def __init__(self, user, token):
        super().__init__(credentials=pygit2.UserPass(user, token))

    def push_update_reference(self, refname, message):
        assert message is None, f"{refname}: {message}"


def main(url, user, token, directory):
    first, second = f"{directory}/first", f"{directory}/second"
    repo = pygit2.clone_repository(url, first, callbacks=Callbacks(user, token))
    before = repo.head.target
    blob = repo.create_blob(b"written by libgit2\n")
    tree = repo.TreeBuilder(repo[before].tree)
    tree.insert("libgit2.txt", blob, pygit2.enums.FileMode.BLOB)
    who = pygit2.Signature("L", "l@example.org")
    made = repo.create_commit(repo.head.name, who, who, "from libgit2", tree.write(), [before])
    repo.remotes["origin"].push([repo.head.name], callbacks=Callbacks(user, token))
    again = pygit2.clone_repository(url, second, callbacks=Callbacks(user, token))
    assert again.head.target == made, (again.head.target, made)
    assert again[made].tree["libgit2.txt"].data == b"written by libgit2\n"
    print(made)


if __name__ == "__main__":
    main(*sys.argv[1:])
