/*
 * echo in C: answers each echo with what it carried, byte for byte as far as cJSON keeps it (numbers are doubles there).
 */
#include "glomers.h"

static void on_echo(const glomers_message *message) {
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(message->body, "echo");
    if (value == NULL) {
        glomers_fail(message->request, GLOMERS_MALFORMED_REQUEST, "missing field `echo`");
        return;
    }
    cJSON *answer = glomers_body("echo_ok");
    cJSON_AddItemToObject(answer, "echo", cJSON_Duplicate(value, true));
    glomers_reply(message->request, answer);
}

const glomers_handler glomers_handlers[] = {{"echo", on_echo}, {0}};

const char *glomers_init(const glomers_context *context) {
    (void)context;
    return NULL;
}
