/* Speaks in init, keeps a request, and tells whether anybody waits for it. */

#include "glomers.h"

static glomers_request kept;
static bool expired;

static void tick(void *data) {
    (void)data;
    glomers_send("n2", glomers_body("tick"));
}

const char *glomers_init(const glomers_context *context) {
    (void)context;
    glomers_send("n2", glomers_body("hello"));
    glomers_after(50, tick, NULL);
    return NULL;
}

void glomers_expired(glomers_request request) { expired = request.id == kept.id; }

static void on_keep(const glomers_message *message) { kept = message->request; }

static void on_ask(const glomers_message *message) {
    cJSON *body = glomers_body("kept");
    cJSON_AddBoolToObject(body, "expired", expired);
    glomers_send(message->src, body);
}

static void on_answer(const glomers_message *message) {
    (void)message;
    glomers_reply(kept, glomers_body("late"));
}

const glomers_handler glomers_handlers[] = {{"keep", on_keep}, {"ask", on_ask}, {"answer", on_answer}, {0}};
