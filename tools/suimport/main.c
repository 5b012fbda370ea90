/*
 * suimport - the disconnected side: verify a bundle, replay it into the site database, prove it.
 */
#include "tools/cli/alert.h"
#include "tools/cli/check.h"
#include "tools/cli/look.h"
#include "tools/suimport/commands.h"

static const struct su_option no_options[] = {{NULL, NULL, NULL}};

static const struct su_option import_options[] = {
    {"accept-profile", NULL, "take over a profile that differs from the one pinned at the last import"},
    {"accept-jump", NULL, "take a bundle whose number jumps beyond the hub's limit"},
    {"allow-incomplete", NULL, "accept metadata holes that the hub signed for"},
    {"allow-partial-content", NULL, "leave out files that the medium does not give; they are owed"},
    {NULL, NULL, NULL},
};

static const struct su_command commands[] = {
    {"init", "", "Makes a home and the site's key; twice is harmless",
     SU_OPTIONS({"site", "CODE", "this site's code"}), 0, 0, SU_NEEDS_NOTHING, cmd_init},
    {"trust add", "FILE", "Pins a key, an authority's certificate or its revocation list",
     SU_OPTIONS(
         {"fingerprint", "F", "refuse unless the key has this fingerprint"}, {"name", "N", "call it N"},
         {"role", "exporter|reviewer|receiver", "pin it for this role (default: what a key's file says)"},
         {"subject", "CN", "of an authority: only certificates with this common name"}),
     1, 1, SU_NEEDS_WRITE, cmd_trust_add},
    {"trust list", "", "Lists whom this site trusts, and the policy", no_options, 0, 0, SU_NEEDS_READ,
     cmd_trust_list},
    {"trust policy", "", "Shows or sets how many keys of which role must sign",
     SU_OPTIONS({"exporter", "N", "so many exporters, at least 1"},
                {"reviewer", "N|none", "so many reviewers"}, {"receiver", "N|none", "so many receivers"}),
     0, 0, SU_NEEDS_WRITE, cmd_trust_policy},
    {"trust revoke", "NAME|F", "Revokes a key or authority, by name or fingerprint",
     SU_OPTIONS({"up-to", "N", "it counts on bundles up to sequence N (default 0: none)"}), 1, 1,
     SU_NEEDS_WRITE, cmd_trust_revoke},
    {"inspect", "DIR", "Shows what a bundle claims; verifies nothing", no_options, 1, 1, SU_NEEDS_NOTHING,
     cmd_inspect},
    {"verify", "DIR", "Reads every byte and gives a verdict; writes nothing", no_options, 1, 1, SU_NEEDS_READ,
     cmd_verify},
    {"plan", "DIR", "Proves that an import would succeed and shows what it would change", import_options, 1,
     1, SU_NEEDS_WRITE, cmd_plan},
    {"import", "DIR", "Verifies, stages content, replays into the site database; all or nothing",
     import_options, 1, 1, SU_NEEDS_WRITE, cmd_import},
    {"watch", "", "Imports what is dropped into a folder, by itself, until it is stopped",
     SU_OPTIONS({"inbox", "DIR", "the folder"}, {"once", NULL, "look once, and end as import does"},
                {"interval", "SECONDS", "between two looks (default 60)"}),
     0, 0, SU_NEEDS_NOTHING, cmd_watch},
    {"repair", "DIR...", "Makes one whole copy of a bundle out of damaged ones and recovery volumes",
     SU_OPTIONS({"to", "DIR", "where the whole copy goes"}), 1, 100, SU_NEEDS_READ, cmd_repair},
    {"relay", "DIR", "Copies a bundle that this site has imported, for a child site",
     SU_OPTIONS({"to", "DIR", "where the copy goes"}), 1, 1, SU_NEEDS_WRITE, cmd_relay},
    {"undo", "SEQUENCE", "Goes back one import: the newest, which SEQUENCE may name", no_options, 0, 1,
     SU_NEEDS_WRITE, cmd_undo},
    {"receipt", "", "Says, signed, what this site holds now",
     SU_OPTIONS({"out", "FILE", "write to FILE instead of stdout"},
                {"state", NULL, "write the state file for a hub that has lost its books: an inventory"},
                {"code", NULL, "print 20 characters to be read over the telephone instead"}),
     0, 0, SU_NEEDS_READ, cmd_receipt},
    {"content verify", "", "Reads the store again and lists what is wrong or missing",
     SU_OPTIONS({"all", NULL, "list good files too"}), 0, 0, SU_NEEDS_READ, su_cmd_content_verify},
    {"status", "", "Shows the state of this site", SU_OPTIONS(SU_CHECK_OPTIONS), 0, 0, SU_NEEDS_READ,
     cmd_status},
    SU_ALERT_COMMANDS,
    {"history", "", "Lists imports and undos", SU_OPTIONS({"limit", "N", "at most N (default 20)"}), 0, 0,
     SU_NEEDS_READ, su_cmd_history},
    {"show", "KB|GUID", "Shows an update's properties",
     SU_OPTIONS({"revision", "N", "this revision instead of the newest"},
                {"lang", "XX", "title in this language"}, {"xml", NULL, "print the exact document"}),
     1, 1, SU_NEEDS_READ, su_cmd_show},
    {"search", "WORDS", "Finds updates by words of titles, KB, bulletin or CVE",
     SU_OPTIONS({"limit", "N", "at most N (default 50)"}), 1, 100, SU_NEEDS_READ, su_cmd_search},
    {"explain", "ID", "What a message id means and what to do", no_options, 1, 1, SU_NEEDS_NOTHING,
     cmd_explain},
    {"diff", "PREFIX", "Short codes by which two catalogues are compared over the telephone",
     SU_OPTIONS({"digest", NULL, "the codes of the state digest below PREFIX of update ids"},
                {"all", NULL, "all 256 bucket digests, for --with of the other side"},
                {"with", "FILE", "the other side's answer (--digest --all --json): names what differs"}),
     0, 1, SU_NEEDS_READ, su_cmd_diff},
    {"report", "", "Status, history, catalogue, sizes, ages, what is missing: as text or as a page",
     SU_OPTIONS({"html", "FILE", "write one page that needs nothing else, instead of the text"}), 0, 0,
     SU_NEEDS_READ, cmd_report},
    {"audit verify", "", "Recomputes the chain of the ledger and names the first bad row",
     SU_OPTIONS({"head", "HASH", "the chain must hold this hash, as a receipt carries it"}), 0, 0,
     SU_NEEDS_READ, su_cmd_audit_verify},
    {"audit ledger", "", "Lists entries of the ledger",
     SU_OPTIONS({"since", "ENTRY", "from this entry on"}, {"limit", "N", "at most N (default 50)"}), 0, 0,
     SU_NEEDS_READ, su_cmd_audit_ledger},
    {"audit refused", "", "Lists what was refused, the newest first",
     SU_OPTIONS({"limit", "N", "at most N (default 20)"}), 0, 0, SU_NEEDS_READ, su_cmd_audit_refused},
    {"audit bundle", "NAME|SEQUENCE", "Everything the books say of one bundle",
     SU_OPTIONS({"site", "CODE", "the site, when only a number is given"}), 1, 1, SU_NEEDS_READ,
     su_cmd_audit_bundle},
    {"audit file", "KB|GUID|DIGEST|NAME", "Reads files of the store now and compares them with the metadata",
     no_options, 1, 1, SU_NEEDS_READ, su_cmd_audit_file},
    {"audit latency", "", "Days from an update's release to its arrival here",
     SU_OPTIONS({"since", "DATE", "only updates released since then"}), 0, 0, SU_NEEDS_READ,
     su_cmd_audit_latency},
    {"rebuild", "DIR...", "Makes the derived tables again; with --from, a lost site from its kept bundles",
     SU_OPTIONS({"from", "DIR", "a folder with kept bundles (repeat)"},
                {"expect", "DIGEST|RECEIPT", "the state that must come out"}),
     0, 1000, SU_NEEDS_WRITE, cmd_rebuild},
    {NULL, NULL, NULL, NULL, 0, 0, SU_NEEDS_NOTHING, NULL},
};

int main(int argc, char **argv)
{
    static const struct su_program program = {
        "suimport", "The disconnected side: verify a bundle, replay it into the site database, prove it.",
        SU_SITE, commands};
    return su_cli_main(&program, argc, argv);
}
