/*
 * {{name}}: what it promises, how, and what it costs.
 */
#include "glomers.h"

/* What a node remembers. */
static unsigned long heard;

/* Fill in: one function for each type of message. Calls, timers and the key-value services take callbacks. */
static void on_echo(const glomers_message *message) {
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(message->body, "echo");
    if (value == NULL) {
        glomers_fail(message->request, GLOMERS_MALFORMED_REQUEST, "missing field `echo`");
        return;
    }
    heard++;
    cJSON *answer = glomers_body("echo_ok");
    cJSON_AddItemToObject(answer, "echo", cJSON_Duplicate(value, true));
    glomers_reply(message->request, answer);
}

const glomers_handler glomers_handlers[] = {{"echo", on_echo}, {0}};

const char *glomers_init(const glomers_context *context) {
    glomers_log(GLOMERS_INFO, "%s is one of %zu nodes", context->node_id, context->node_count);
    return NULL;
}
