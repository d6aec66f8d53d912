/* How the host gets memory for what it hands in. Compiled as C or as C++. */

#include <stdlib.h>

#include "contract.h"

#ifdef __cplusplus
extern "C"
#endif
__attribute__((export_name("cabi_realloc")))
void *cabi_realloc(void *old, size_t old_size, size_t align, size_t size) {
    (void)old_size;
    (void)align; /* malloc aligns for everything the contract has. */
    char *block = (char *)realloc(old, size + 1);
    if (block == NULL) abort();
    block[size] = '\0';
    return block;
}
