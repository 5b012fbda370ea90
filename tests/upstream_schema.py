#!/usr/bin/env python3
"""upstream_schema.py WSDL-FOLDER MESSAGE... - is each SOAP message what the services' WSDL describes?

Takes the schemas out of ServerSyncWebService.wsdl and DssAuthWebService.wsdl, cuts the body out of each message and
lets xmllint judge it. Faults have no schema: theirs is the form of the specification's 2.2.9.1.
"""
import os
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET

XSD = "http://www.w3.org/2001/XMLSchema"
SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
FAULT = ["faultcode", "faultstring", "faultactor", "detail"]
DETAIL = ["ErrorCode", "Message", "ID", "Method"]


def schemas(folder, out):
    """One file for each namespace, and one that imports them; names of namespaces inside values stay declared."""
    imports = []
    for name in ("ServerSyncWebService", "DssAuthWebService"):
        with open(os.path.join(folder, name + ".wsdl"), encoding="utf-8") as file:
            text = file.read()
        declared = " ".join(re.findall(r'xmlns:\w+="[^"]*"', text[:text.index("<wsdl:types>")]))
        for number, one in enumerate(re.findall(r"<s:schema.*?</s:schema>", text, re.S)):
            target = re.search(r'targetNamespace="([^"]*)"', one)[1]
            if target in (target for target, _ in imports):
                continue
            one = one.replace("<s:schema ", f"<s:schema {declared} ", 1)
            one = re.sub(r'<s:import namespace="http://microsoft.com/wsdl/types/" />', r'<s:import namespace="http://microsoft.com/wsdl/types/" schemaLocation="types.xsd" />', one)
            file_name = "types.xsd" if target.endswith("/types/") else f"{name}{number}.xsd"
            with open(os.path.join(out, file_name), "w", encoding="utf-8") as file:
                file.write(one)
            imports.append((target, file_name))
    with open(os.path.join(out, "all.xsd"), "w", encoding="utf-8") as file:
        file.write(f'<s:schema xmlns:s="{XSD}">' + "".join(f'<s:import namespace="{t}" schemaLocation="{n}" />' for t, n in imports) + "</s:schema>")


def main():
    with tempfile.TemporaryDirectory() as folder:
        schemas(sys.argv[1], folder)
        judged = []
        for number, path in enumerate(sys.argv[2:]):
            body = ET.parse(path).getroot().find(f"{{{SOAP}}}Body")
            assert body is not None and len(body) == 1, f"{path} is no envelope with one message"
            fault = body.find(f"{{{SOAP}}}Fault")
            if fault is not None:
                assert [c.tag for c in fault] == FAULT and [c.tag for c in fault.find("detail")] == DETAIL, f"{path}: not the form of a fault"
                continue
            judged.append(os.path.join(folder, f"{number}.xml"))
            ET.ElementTree(body[0]).write(judged[-1], encoding="utf-8")
        result = subprocess.run(["xmllint", "--noout", "--huge", "--schema", os.path.join(folder, "all.xsd"), *judged], capture_output=True, text=True, check=False)
        for line in result.stderr.splitlines():
            match = re.match(rf"{re.escape(folder)}/(\d+)\.xml", line)
            if match and not line.endswith(" validates"):
                print(sys.argv[2 + int(match[1])] + line[match.end():])
            elif not match:
                print(line)
        print(f"{len(sys.argv) - 2} messages")
        sys.exit(1 if result.returncode else 0)


main()
