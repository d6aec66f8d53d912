/* What the files of the SDK share with each other and with no plugin. */
#ifndef GLOMERS_INTERNAL_H
#define GLOMERS_INTERNAL_H

#include "contract.h"
#include "glomers.h"

/* The context of what the host has handed in, which it takes over. Lives as long as the node. */
const glomers_context *glomers_take_context(char *node_id, contract_string *node_ids, size_t node_count,
                                            contract_setting *settings, size_t setting_count);

/* The result of a start that succeeded (NULL) or failed for a reason. */
contract_started *glomers_started(const char *reason);

#endif
