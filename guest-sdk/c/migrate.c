/* A plugin's state on its way to a successor: JSON text. */

#include "migrate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

contract_saving *glomers_save_state(uint32_t version, glomers_save *save) {
    static contract_saving saving;
    /* Read by the host after the return, and so kept until the next time. */
    static char *text;
    free(text);
    text = NULL;
    cJSON *state = save();
    saving = (contract_saving){.saved = {.is_ready = state != NULL, .version = version}};
    if (state != NULL) {
        text = cJSON_PrintUnformatted(state);
        if (text == NULL) abort();
        cJSON_Delete(state);
        saving.saved.bytes = (contract_string){text, strlen(text)};
    }
    return &saving;
}

contract_started *glomers_load_state(uint32_t version, glomers_load *load, char *node_id, contract_string *node_ids,
                                     size_t node_count, contract_setting *settings, size_t setting_count,
                                     uint32_t saved_version, char *bytes, size_t length) {
    static char reason[128];
    if (saved_version > version) {
        snprintf(reason, sizeof reason, "its state has version %u; this plugin knows versions up to %u",
                 (unsigned)saved_version, (unsigned)version);
        return glomers_started(reason);
    }
    cJSON *state = cJSON_ParseWithLength(bytes, length);
    if (state == NULL) return glomers_started("its state cannot be read: it is no JSON, or nested too deeply");
    const glomers_context *context = glomers_take_context(node_id, node_ids, node_count, settings, setting_count);
    contract_started *started = glomers_started(load(context, saved_version, state));
    cJSON_Delete(state);
    free(bytes);
    return started;
}
