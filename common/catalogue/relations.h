/*
 * relations.h - the clauses of one revision, packed: what whoever judges the whole catalogue reads.
 *
 * They stand in the tables prerequisite and bundled as well, row by row, for queries; read from there they were more
 * than half of what loading the graph took.
 *
 * Entries follow each other in the order of the tables: prerequisites by (clause, target), then bundled updates by
 * (clause, target, revision), each once. An entry is one letter and the target's 16 bytes; of a bundled update then its
 * revision in eight hexadecimal digits. The letter says what begins: `p` a clause of prerequisites, `c` one marked as
 * a category, `b` one of bundled updates, `|` another alternative of the clause before. Letters and digits, because
 * the step of the schema that packed what older programs had written is SQL.
 */
#ifndef SU_RELATIONS_H
#define SU_RELATIONS_H

#include "common/catalogue/update.h"

#define SU_RELATION_LEAST_BYTES 17u

/* Into the update's arena; sets its packed_relations. Called by su_update_parse. */
int su_relations_pack(struct su_update *update, struct su_err *err) SU_CHECKED;

/* Reads one entry after the other. */
struct su_packed_relation {
    bool is_first; /* of its clause */
    bool is_bundled, is_category;
    struct su_guid id;
    uint32_t revision; /* of a bundled update */
};
struct su_relations_reader {
    const char *at, *end;
    bool is_begun; /* a clause has */
    bool is_bundled, is_category; /* of the clause */
};
/* 1: an entry; 0: there are no more; -1: the database holds something else. */
int su_relations_next(struct su_relations_reader *reader, struct su_packed_relation *out, struct su_err *err) SU_CHECKED;

#endif
