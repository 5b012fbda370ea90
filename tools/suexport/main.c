/*
 * suexport - the connected side: synchronize metadata, adopt content, write signed bundles.
 */
#include "tools/cli/look.h"
#include "tools/suexport/commands.h"

static const struct su_option profile_options[] = {
    {"product", "NAME|GUID", "a product, family or company to take (repeat; none: all)"},
    {"products", "LIST", "several, separated by commas or semicolons"},
    {"classification", "NAME|GUID", "a classification to take (repeat; none: all)"},
    {"classifications", "LIST", "several, separated by commas or semicolons"},
    {"languages", "LIST", "languages of content and licence terms (none: all)"},
    {"content", "none|licence|approved|all", "which files travel"},
    {"express", "yes|no", "whether express files travel"},
    {"approve", "KB|GUID", "approve an update, for content approved (repeat)"},
    {"unapprove", "KB|GUID", "take an approval back (repeat)"},
    {"promise-days", "N", "promise a bundle at least every N days"},
    {"jump-limit", "N", "the next bundle's number may be at most N higher (0: any; default 24)"},
    {"child", "CODE", "another site that its bundles may be relayed to (repeat)"},
    {"no-child", "CODE", "take such a site back (repeat)"},
    {"key", "FILE", "enrol the site: its keys/site.enrol, or site.pub, which knows no telephone codes"},
    {NULL, NULL, NULL},
};
static const struct su_option no_options[] = {{NULL, NULL, NULL}};

static const struct su_command commands[] = {
    {"init", "", "Makes a home; twice is harmless",
     SU_OPTIONS({"name", "HUB", "the hub's name (default HUB)"}), 0, 0, SU_NEEDS_NOTHING, cmd_init},
    {"key generate", "", "Makes a signing key and prints its fingerprint",
     SU_OPTIONS({"name", "N", "the key's name"},
                {"role", "exporter|reviewer", "what it signs as (default exporter)"}),
     0, 0, SU_NEEDS_WRITE, cmd_key_generate},
    {"key list", "", "Lists the signing keys", no_options, 0, 0, SU_NEEDS_READ, cmd_key_list},
    {"key export", "", "Prints a public key, to be carried to the sites",
     SU_OPTIONS({"name", "N", "the key's name"}, {"out", "FILE", "write to FILE instead of stdout"}), 0, 0,
     SU_NEEDS_READ, cmd_key_export},
    {"sync", "", "Brings the catalogue to the state of a source",
     SU_OPTIONS({"from", "SOURCE", "a wsusutil export package (.cab or .xml.gz)"},
                {"full", NULL, "compare everything (a package always does)"}),
     0, 0, SU_NEEDS_WRITE, cmd_sync},
    {"products", "", "Lists companies, families and products",
     SU_OPTIONS({"match", "WORD", "only titles that hold WORD"}), 0, 0, SU_NEEDS_READ, cmd_products},
    {"classifications", "", "Lists the classifications", no_options, 0, 0, SU_NEEDS_READ,
     cmd_classifications},
    {"content add", "DIR", "Adopts a WsusContent tree: checks, links or copies",
     SU_OPTIONS({"all", NULL, "list good files too"}), 1, 1, SU_NEEDS_WRITE, cmd_content_add},
    {"content verify", "", "Reads the store again and lists what is wrong or missing",
     SU_OPTIONS({"all", NULL, "list good files too"}), 0, 0, SU_NEEDS_READ, su_cmd_content_verify},
    {"content list", "", "Lists the files the catalogue needs",
     SU_OPTIONS({"all", NULL, "list stored files too"}), 0, 0, SU_NEEDS_READ, cmd_content_list},
    {"site add", "CODE", "Makes a disconnected site known", profile_options, 1, 1, SU_NEEDS_WRITE,
     cmd_site_add},
    {"site set", "CODE", "Changes a site's profile", profile_options, 1, 1, SU_NEEDS_WRITE, cmd_site_set},
    {"site list", "", "Lists the sites", no_options, 0, 0, SU_NEEDS_READ, cmd_site_list},
    {"site show", "CODE", "Shows a site's profile and bundles", no_options, 1, 1, SU_NEEDS_READ,
     cmd_site_show},
    {"plan", "", "Shows what the next bundle would carry; writes nothing",
     SU_OPTIONS({"site", "CODE", "the site"}, {"full", NULL, "plan a full bundle"},
                {"since", "N", "take bundle N as arrived"}),
     0, 0, SU_NEEDS_WRITE, cmd_plan},
    {"export", "", "Writes the next bundle for a site",
     SU_OPTIONS(
         {"site", "CODE", "the site"}, {"out", "DIR", "where the bundle's folder goes"},
         {"full", NULL, "the whole profile, fitting any state"}, {"since", "N", "take bundle N as arrived"},
         {"volume-size", "N|fat32|dvd5|dvd9|bd25", "bytes (K, M, G allowed) of a volume; default one volume"},
         {"recovery", "PERCENT", "add recovery volumes: so much parity for each 100 cells of data"},
         {"read-back", NULL, "after writing read the medium again and compare every block"},
         {"key", "NAME", "sign with this key (default: the only exporter key)"},
         {"allow-incomplete", NULL,
          "export although the closure has holes; each is listed in the signed manifest"}),
     0, 0, SU_NEEDS_WRITE, cmd_export},
    {"resend", "", "Makes volumes of an earlier bundle again, byte for byte",
     SU_OPTIONS({"site", "CODE", "the site"}, {"sequence", "N", "of bundle N (default: the last one)"},
                {"volume", "N|NAME", "this volume, as SU000012.003 or 3 (repeat; none: all of them)"},
                {"out", "DIR", "where the bundle's folder goes"},
                {"read-back", NULL, "after writing read the medium again and compare every block"}),
     0, 0, SU_NEEDS_WRITE, cmd_resend},
    {"receipt add", "FILE|CODE", "Takes a site's receipt, or a telephone code", no_options, 1, 5, SU_NEEDS_WRITE, cmd_receipt_add},
    {"status", "", "Shows the state of hub and sites", no_options, 0, 0, SU_NEEDS_READ, cmd_status},
    {"history", "", "Lists the synchronizations", SU_OPTIONS({"limit", "N", "at most N (default 20)"}), 0, 0,
     SU_NEEDS_READ, su_cmd_history},
    {"show", "KB|GUID", "Shows an update's properties",
     SU_OPTIONS({"revision", "N", "this revision instead of the newest"},
                {"lang", "XX", "title in this language"}, {"xml", NULL, "print the exact document"}),
     1, 1, SU_NEEDS_READ, su_cmd_show},
    {"search", "WORDS", "Finds updates by words of titles, KB, bulletin or CVE",
     SU_OPTIONS({"limit", "N", "at most N (default 50)"}), 1, 100, SU_NEEDS_READ, su_cmd_search},
    {"explain", "KB|GUID|ID", "Why an update travels to a site; or what a message id means",
     SU_OPTIONS({"site", "CODE", "the site"}), 1, 1, SU_NEEDS_NOTHING, cmd_explain},
    {"rebuild", "", "Makes the derived tables again from the documents", no_options, 0, 0, SU_NEEDS_WRITE,
     su_cmd_rebuild},
    {NULL, NULL, NULL, NULL, 0, 0, SU_NEEDS_NOTHING, NULL},
};

int main(int argc, char **argv)
{
    static const struct su_program program = {
        "suexport",
        "The connected side: synchronize, adopt content, write signed bundles for disconnected sites.",
        SU_HUB, commands};
    return su_cli_main(&program, argc, argv);
}
