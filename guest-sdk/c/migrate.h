/*
 * For a plugin that can be swapped while its node runs, by a new version of itself or by another plugin that reads its
 * states. One line exports it:
 *
 *     enum { VERSION = 1 };
 *
 *     static cJSON *save(void) {
 *         if (glomers_outstanding() > 0) return NULL;
 *         return cJSON_CreateNumber(sum);
 *     }
 *
 *     static const char *load(const glomers_context *context, uint32_t version, const cJSON *state) {
 *         sum = cJSON_GetNumberValue(state);
 *         return NULL;
 *     }
 *
 *     GLOMERS_MIGRATION(VERSION, save, load)
 *
 * Callbacks cannot be handed over, only what they know. So a plugin either waits until none is outstanding, as here: the
 * host holds requests back meanwhile, up to 5 s. Or its state says what is under way, and `load` begins that again; the
 * outcomes of the old calls are then dropped. Requests that wait for an answer stay open: a state may have their ids.
 */
#ifndef GLOMERS_MIGRATE_H
#define GLOMERS_MIGRATE_H

#include "contract.h"
#include "glomers.h"

/* Returns what a successor has to know, or NULL: not yet. Changes nothing and sends nothing. */
typedef cJSON *glomers_save(void);

/* Starts the node with what a predecessor saved, in place of glomers_init. Never called with a version above the plugin's
 * own. Returns NULL, or the reason why it cannot take over; the predecessor then goes on. */
typedef const char *glomers_load(const glomers_context *context, uint32_t version, const cJSON *state);

/* `version` counts the forms that saved states have had. */
#define GLOMERS_MIGRATION(version, save, load)                                                                         \
    contract_saving *contract_save(void) { return glomers_save_state(version, save); }                                 \
    contract_started *contract_load(char *node_id, size_t node_id_length, contract_string *node_ids,                   \
                                    size_t node_count, contract_setting *settings, size_t setting_count,               \
                                    uint32_t saved_version, char *bytes, size_t length) {                              \
        (void)node_id_length;                                                                                          \
        return glomers_load_state(version, load, node_id, node_ids, node_count, settings, setting_count,               \
                                  saved_version, bytes, length);                                                       \
    }

/* What the macro stands on. */
contract_saving *glomers_save_state(uint32_t version, glomers_save *save);
contract_started *glomers_load_state(uint32_t version, glomers_load *load, char *node_id, contract_string *node_ids,
                                     size_t node_count, contract_setting *settings, size_t setting_count,
                                     uint32_t saved_version, char *bytes, size_t length);

#endif
