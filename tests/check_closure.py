#!/usr/bin/env python3
"""check_closure.py DATABASE [product=GUID|classification=GUID]... - who travels, by another hand.

Reads the documents themselves (never the derived tables), selects what the filters name, walks
prerequisites (AND over clauses, OR inside one) and bundled updates at their exact revision, and
prints the ids that travel, one a line. Filters of one kind are alternatives; both kinds must agree;
a category stands for everything below it. Without filters everything travels.

  check_closure.py --open DATABASE   prints each clause of a held revision that nothing held answers,
                                     in the words of the manifest's hole lines.
"""
import sys
import xml.etree.ElementTree as ET

from check_documents import held

NS = "{http://schemas.microsoft.com/msus/2002/12/Update}"


def clauses(root, list_name):
    """Each clause as a list of (id, revision or None)."""
    def identity(e):
        return e.attrib["UpdateID"].lower(), int(e.attrib["RevisionNumber"]) if "RevisionNumber" in e.attrib else None
    for e in root.findall(f"{NS}Relationships/{NS}{list_name}/*"):
        if e.tag == NS + "UpdateIdentity":
            yield [identity(e)]
        elif e.tag == NS + "AtLeastOne":
            yield [identity(x) for x in e.findall(NS + "UpdateIdentity")]


SDP = "{http://schemas.microsoft.com/wsus/2005/04/CorporatePublishing/SoftwareDistributionPackage.xsd}"
CLASSIFICATIONS = {
    "Updates": "cd5ffd1e-e932-4e3a-bf74-18bf0b1bbd83", "Critical Updates": "e6cf1350-c01b-414d-a61f-263d14d133b4",
    "Security Updates": "0fa1201d-4330-4fa8-8ae9-b877473b6441", "Feature Packs": "b54e7d24-7add-428f-8b75-90a396fa584f",
    "Update Rollups": "28bc880e-0592-4cbf-8f95-c79b17911d5f", "Service Packs": "68c5b0a3-d1a6-4553-ae49-01d3a7827828",
    "Tools": "b4832bd8-e735-4761-8daf-37f882276dab", "Drivers": "ebfc1fc5-71a4-4f7b-9aca-3b9a503104a0"}


def package(root):
    """A third-party package: classification by its id, prerequisites, and what is bundled, all without revisions."""
    properties, data = root.find(SDP + "Properties"), root.find(SDP + "UpdateSpecificData")
    named = [CLASSIFICATIONS[data.get("UpdateClassification")]] if data is not None and data.get("UpdateClassification") in CLASSIFICATIONS else []
    if properties.get("RestrictToClientServicingApi") == "true":
        named.append("b7a590e9-db06-43f6-9b06-4ad73869cca2")
    some = [[(guid, None)] for guid in named]
    for group in root.findall(f"{SDP}Prerequisites/{SDP}AtLeastOne") + root.findall(f"{SDP}BundledPackages"):
        some.append([(e.text.strip().lower(), None) for e in group.findall(SDP + "PackageID")])
    return properties.get("UpdateType", "Software"), some, []


def load(path):
    updates = {}  # id -> revision -> (type, prerequisite clauses, bundled clauses)
    for (guid, revision), row in held(path).items():
        root = ET.fromstring(row["document"])
        if root.tag.endswith("}SoftwareDistributionPackage"):
            updates.setdefault(guid, {})[revision] = package(root)
            continue
        kind = root.find(NS + "Properties").attrib["UpdateType"]
        updates.setdefault(guid, {})[revision] = (kind, list(clauses(root, "Prerequisites")), list(clauses(root, "BundledUpdates")))
    return updates


def is_held(updates, target):
    guid, revision = target
    return guid in updates and (revision is None or revision in updates[guid])


def open_clauses(updates):
    for guid, revisions in updates.items():
        for revision, (_, prerequisites, bundled) in revisions.items():
            for word, some in ("prerequisite", prerequisites), ("bundled", bundled):
                for clause in some:
                    if clause and not any(is_held(updates, (g, r if word == "bundled" else None)) for g, r in clause):
                        first = min(clause, key=lambda t: (t[0], t[1] or 0))
                        yield f"{word} {guid} {revision} {first[0]}" + (f" {first[1]}" if word == "bundled" else "")


def selected(updates, products, classifications):
    newest = {guid: revisions[max(revisions)] for guid, revisions in updates.items()}
    if not products and not classifications:
        return set(updates)
    named = {guid: {g for clause in row[1] for g, _ in clause} for guid, row in newest.items()}
    below = set(products)
    while True:
        more = {guid for guid, row in newest.items() if row[0] == "Category" and named[guid] & below} - below
        if not more:
            break
        below |= more
    out = (below | classifications) & set(updates)
    for guid, row in newest.items():
        if row[0] in ("Software", "Driver") and (not products or named[guid] & below) and (not classifications or named[guid] & classifications):
            out.add(guid)
    return out


def carried(updates, roots):
    demands = {guid: [[(g, None) for g, _ in c] for r in revisions.values() for c in r[1] if c] +
                     [c for r in revisions.values() for c in r[2] if c] for guid, revisions in updates.items()}
    closable = set(updates)
    while True:
        fallen = {guid for guid in closable
                  if not all(any(is_held(updates, t) and t[0] in closable for t in clause) for clause in demands[guid])}
        if not fallen:
            break
        closable -= fallen
    out, queue = set(roots), list(roots)
    while queue:
        for clause in demands[queue.pop()]:
            here = [t[0] for t in clause if is_held(updates, t)]
            good = [g for g in here if g in closable]
            for guid in good or here:
                if guid not in out:
                    out.add(guid)
                    queue.append(guid)
    return out


def main():
    if sys.argv[1] == "--open":
        print(*sorted(set(open_clauses(load(sys.argv[2])))), sep="\n")
        return
    updates = load(sys.argv[1])
    filters = {"product": set(), "classification": set()}
    for text in sys.argv[2:]:
        kind, guid = text.split("=")
        filters[kind].add(guid.lower())
    roots = selected(updates, filters["product"], filters["classification"])
    print(*sorted(carried(updates, roots)), sep="\n")


if __name__ == "__main__":
    main()
