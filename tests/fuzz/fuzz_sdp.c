/* Packages of other vendors: the same properties as of Microsoft's documents, from a corpus of their own. */
#include "tests/fuzz/fuzz_update.c"
