/*
 * limits.h - every maximum of the programs, in one table.
 *
 * A limit guards against input that is hostile or broken, never against honest growth: each is
 * well above what the field shows (reason beside it) and low enough that memory stays flat.
 * Each has a test at the limit and one past it.
 */
#ifndef SU_LIMITS_H
#define SU_LIMITS_H

#define SU_KIB ((size_t)1024)
#define SU_MIB (1024 * SU_KIB)

/* One update document, UTF-8. Real documents reach 47 MB. */
#define SU_MAX_DOCUMENT_BYTES (64 * SU_MIB)
/* Element depth inside an update document or package.xml. Real rules nest below 40. */
#define SU_MAX_XML_DEPTH 128
/* Attributes of one element. Real elements carry fewer than 20. */
#define SU_MAX_XML_ATTRIBUTES 64
/* One tag or comment, before it is parsed. Real ones stay below 10 KiB. */
#define SU_MAX_XML_TAG_BYTES (64 * SU_KIB)
/* libxml2 gives up at 10,000,000 and calls it an internal error. */
#define SU_MAX_XML_CDATA_BYTES (9 * SU_MIB)
/* Text of one element that we keep (titles, descriptions). Real ones stay below 8 KiB. */
#define SU_MAX_XML_TEXT_BYTES (256 * SU_KIB)
/* What one parsed document may need beside its bytes: titles, relations, files. */
#define SU_MAX_UPDATE_ARENA_BYTES (64 * SU_MIB)

/* Members of a wsusutil package; a genuine one has two. */
#define SU_MAX_PACKAGE_MEMBERS 16
/* Decompressed bytes of one package member; a cabinet member cannot reach 2 GiB, .xml.gz can. */
#define SU_MAX_PACKAGE_MEMBER_BYTES ((uint64_t)64 << 30)
/* Revisions in one package; large servers hold 400,000. */
#define SU_MAX_PACKAGE_REVISIONS 4000000u
/* Files in the map of a package, and the bytes of their addresses. */
#define SU_MAX_PACKAGE_FILES 2000000u
#define SU_MAX_PACKAGE_URL_BYTES (96 * SU_MIB)
/* Updates imported by id: a list of years of single updates. */
#define SU_MAX_IMPORT_IDS 20000u
/* Such a list as a file, a line of 38 bytes each with room for remarks. */
#define SU_MAX_ID_LIST_BYTES (2 * SU_MIB)
/* One download address. */
#define SU_MAX_URL_BYTES 2048u
/* One answer of a server that is asked by message; those of update servers stay below 2,000,000 bytes, a list of all
 * revisions of a large one below 100 MB. */
#define SU_MAX_HTTP_ANSWER_BYTES (256 * SU_MIB)
/* The headers of one answer; genuine ones stay below 2 KiB. */
#define SU_MAX_HTTP_HEADER_BYTES (64 * SU_KIB)
/* Files fetched at once: more only queue at the server, and each has its buffer. */
#define SU_MAX_FETCH_CONNECTIONS 16u
/* All addresses of one record; an update with 2,000 files would need 300 KiB. */
#define SU_MAX_RECORD_URLS_BYTES (4 * SU_MIB)

/* Inner cabinets of an offline scan cabinet; that of 2026 has 75. */
#define SU_MAX_SCAN_CABS 1000u
/* Its index.xml: 75 cabinets need 6 KiB. */
#define SU_MAX_SCAN_INDEX_BYTES (256 * SU_KIB)
/* All that is unpacked of it: the 658 MB of 2026 hold below 10 GB. */
#define SU_MAX_SCAN_BYTES ((uint64_t)64 << 30)
/* Packages of one catalogue of another vendor, and names in its folder; the largest real ones have about 20,000. */
#define SU_MAX_VENDOR_PACKAGES 100000u
/* Its update_manifest.json: 70 bytes a package. */
#define SU_MAX_VENDOR_MANIFEST_BYTES (8 * SU_MIB)
/* Such a file that a detached signature lies beside: it is read whole. Real ones stay below 20 MB. */
#define SU_MAX_VENDOR_SIGNED_BYTES (64 * SU_MIB)
/* Such a file fetched from an address. */
#define SU_MAX_VENDOR_DOWNLOAD_BYTES (128 * SU_MIB)
/* Element depth of an answer of an upstream server; the deepest has 10. */
#define SU_MAX_SOAP_DEPTH 16
/* One answer: a list of identities of SU_MAX_PACKAGE_REVISIONS is the largest, at 180 bytes each. */
#define SU_MAX_LIST_ANSWER_BYTES ((uint64_t)768 << 20)
/* An answer with documents. Servers of Windows end at 2,000,000 bytes; one document of 47 MB, as text with every
 * mark escaped, has 80. */
#define SU_MAX_DATA_ANSWER_BYTES (96 * SU_MIB)
/* Documents of one answer, unpacked; more of them are asked for again, one at a time. */
#define SU_MAX_ANSWER_DOCUMENT_BYTES (16 * SU_MIB)
/* An anchor, a cookie, a name an upstream server gives. Real ones stay below 1 KiB. */
#define SU_MAX_UPSTREAM_TEXT_BYTES (16 * SU_KIB)
/* Languages a server offers; Microsoft's has 39. */
#define SU_MAX_UPSTREAM_LANGUAGES 1000u
/* Updates of one synchronization a server would not give. Beyond it the server is at fault, not its updates. */
#define SU_MAX_UPSTREAM_MISSING 10000u
/* Groups, approvals, declines and licence terms of a server that is followed as a replica. */
#define SU_MAX_REPLICA_ROWS 2000000u

/* A file brought by hand, which is read whole before anything is known of it; images of Windows stay below 10 GB. */
#define SU_MAX_BROUGHT_BYTES ((uint64_t)64 << 30)
/* Members looked at of a file brought by hand; an MSU has below 20. Past it the rest is not looked at. */
#define SU_MAX_BROUGHT_MEMBERS 2000u
/* A text that an MSU holds about itself; genuine ones stay below 2 KiB. What is beyond is not read. */
#define SU_MAX_BROUGHT_TEXT_BYTES (64 * SU_KIB)
/* Updates in the package.xml of its WSUSSCAN.cab; a genuine one of a few hundred KiB lists below 1,000. */
#define SU_MAX_BROUGHT_SCAN_UPDATES 20000u

/* The manifest: 71 bytes per MiB carried, so this covers a bundle of about 900 GB. */
#define SU_MAX_MANIFEST_BYTES (64 * SU_MIB)
/* A text for people in the bundle's folder; the slip lists every update. */
#define SU_MAX_PAPER_BYTES (16 * SU_MIB)
/* What the slip lists, each with "and N more" after it: updates, profile items of a kind, holes. */
#define SU_MAX_SLIP_UPDATES 5000u
#define SU_MAX_SLIP_ITEMS 200u
#define SU_MAX_SLIP_HOLES 100u
/* Records of an urgent bundle, and the bytes of their documents: it is meant for a few updates, and is proved in memory. */
#define SU_MAX_URGENT_RECORDS 10000u
#define SU_MAX_URGENT_BYTES (256 * SU_MIB)
/* Signature files beside a manifest; a two-person rule needs two. */
#define SU_MAX_SIGNATURES 16u
/* A CMS signature with the certificates of its chain; genuine ones stay below 10 KiB. */
#define SU_MAX_CMS_BYTES (64 * SU_KIB)
/* A certificate or revocation list given as a file: room for 20,000 revoked certificates. */
#define SU_MAX_PEM_BYTES (1 * SU_MIB)
/* The first line of a passphrase file. */
#define SU_MAX_PASSPHRASE_BYTES (1 * SU_KIB)
/* Keys and authorities the operator of a site pins, and as many again that bundles introduce. */
#define SU_MAX_TRUSTED 1000u
/* Sites one bundle may be relayed to, and lines about keys in one manifest. */
#define SU_MAX_CHILDREN 64u
#define SU_MAX_KEY_LINES 64u
/* Volumes of a bundle: the extension of an 8.3 name has three digits. */
#define SU_MAX_VOLUMES 999u
/* Parity for each hundred cells of data; beyond it a second copy costs less. */
#define SU_MAX_RECOVERY_PERCENT 100u
/* Cells of a codeword: a field of 256 elements has no more, and its checksums fill one record. */
#define SU_MAX_CODEWORD_CELLS 254u
/* Recovery volumes: two digits of an 8.3 name. */
#define SU_MAX_RECOVERY_VOLUMES 99u
/* The block that is hashed before any byte of it is used. */
#define SU_BLOCK_BYTES SU_MIB
/* Smallest volume an operator may ask for; below it headers dominate. */
#define SU_MIN_VOLUME_BYTES (64 * SU_KIB)
/* One tar member; larger files continue in the next member. 8 GiB is where ustar ends. */
#define SU_MAX_PIECE_BYTES ((uint64_t)4 << 30)
/* Uncompressed records per frame: large enough to compress well, small enough to hold. */
#define SU_FRAME_BYTES (8 * SU_MIB)
/* A frame holds at least one record, so it may exceed SU_FRAME_BYTES by one document. */
#define SU_MAX_FRAME_BYTES (SU_FRAME_BYTES + SU_MAX_DOCUMENT_BYTES + SU_MAX_RECORD_URLS_BYTES)
/* Frames, payload files and holes named by one manifest. */
#define SU_MAX_FRAMES 200000u
#define SU_MAX_PAYLOADS 1000000u
#define SU_MAX_HOLES 500000u
/* Products, classifications, languages or approvals in one profile. */
#define SU_MAX_PROFILE_ITEMS 20000u

/* A key, or a receipt, given as a file. */
#define SU_MAX_KEY_FILE_BYTES (16 * SU_KIB)
#define SU_MAX_RECEIPT_BYTES (1 * SU_KIB)
/* A site's state file before its records: the profile with its approvals, at most 64 bytes an item. */
#define SU_MAX_STATEMENT_HEAD_BYTES (2 * SU_MIB)
/* A report of a malware scan: it is hashed, not kept. */
#define SU_MAX_SCAN_REPORT_BYTES (64 * SU_MIB)
/* An alert: its text, paths and a mail address in its settings. */
#define SU_ALERT_DETAIL 1536
#define SU_ALERT_PATH 4096
#define SU_ALERT_ADDRESS 256
/* How long a hook may take, unless the operator says otherwise, and at most: the run waits for it. */
#define SU_HOOK_SECONDS 30
#define SU_MAX_HOOK_SECONDS 600
/* Days without a bundle or a synchronization that are called silence, at most: ten years. */
#define SU_MAX_SILENCE_DAYS 3650
/* Times of a schedule that are shown at once: a year of every hour. */
#define SU_MAX_SCHEDULE_TIMES 10000
/* Log file size at which it is rotated; the size administrators' scripts use. */
#define SU_MAX_LOG_BYTES 2621440
/* Imports whose inverse is kept for undo. */
#define SU_UNDO_KEEP 12
/* How far a bundle's sequence may lie above the last one imported, unless the hub says otherwise: two years
 * of monthly bundles. Beyond it the site asks: a huge number would burn all those below. */
#define SU_DEFAULT_JUMP_LIMIT 24
/* One message between the programs and a part of them that reads what is not trusted: a whole document with its
 * addresses. */
#define SU_MAX_WIRE_BYTES (SU_MAX_DOCUMENT_BYTES + SU_MAX_RECORD_URLS_BYTES + SU_MIB)
/* Address space of such a part beyond that of the program: the file map of the largest package and a few documents
 * need half of it. Each thread of it reserves a stack and a heap, of which little is ever used. */
#define SU_MAX_CONFINED_BYTES (1024 * SU_MIB)
#define SU_MAX_CONFINED_THREAD_BYTES (144 * SU_MIB)
/* Seconds of a processor it may use from one message to the next: a document of 47 MB takes one. */
#define SU_MAX_CONFINED_SECONDS 120u
/* Descriptors that may be handed to it; a source is one file. */
#define SU_MAX_CONFINED_FILES 8u
/* Threads at work on one belt. */
#define SU_MAX_THREADS 64u
/* Names in the folder of one bundle: volumes, signatures, papers, and strangers to be named. */
#define SU_MAX_FOLDER_NAMES 5000
/* Bundle folders looked at on one medium. */
#define SU_MAX_BUNDLES_ON_MEDIUM 1000u
/* Names in the hub's inbox, where two are ever expected: a full one is refused, not listed for long. */
#define SU_MAX_INBOX_NAMES 1000u
/* Seconds between two looks into a watched folder: a day. */
#define SU_MAX_WATCH_SECONDS 86400u
/* Characters of a text in a report: titles reach 250, and a page wants to be read. */
#define SU_MAX_REPORT_TEXT 160u
/* Sites a report lists one by one; more are counted. */
#define SU_MAX_REPORT_SITES 1000u
/* Text of one message, and of one JSON document made in memory. */
#define SU_MAX_JSON_BYTES (256 * SU_MIB)
/* Page cache of one database connection. A load that makes its indices afterwards appends: 4 to 64 MiB are equally
 * fast, and the sorter, which takes as much again, is slower with more than fits the processor's caches. */
#define SU_DB_CACHE_KIB 16384
/* The same while what is held changes: a month touches pages all over the indices, and those that do not fit are
 * written to the log again and again. */
#define SU_DB_CHANGES_CACHE_KIB 65536

#endif
