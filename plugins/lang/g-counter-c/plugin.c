/*
 * g-counter in C: the counter is one key of seq-kv, which every node changes by compare-and-set.
 *
 * A cas that finds another value than expected reads and tries again. One that times out may have happened, so it is not
 * tried again: its client gets the timeout, and knows as little. A read of seq-kv may be stale; writing a value that is
 * new to the store brings this node up to date first.
 *
 * It can be swapped while it runs, between two requests. The counter itself lies in the store.
 */
#include <stdlib.h>

#include "glomers.h"
#include "migrate.h"

enum { PATIENCE_MS = 1000 };

static const char *const COUNTER = "counter";

/* What the counter was when this node last heard of it. */
static double last_known;

static void pass_on(glomers_request request, const glomers_outcome *failed) {
    glomers_fail(request, failed->code, failed->text);
}

/* ---- add ---- */

typedef struct {
    glomers_request request;
    double delta;
    double expected;
} addition;

static void try_to_add(addition *adding);

static void on_refreshed(const glomers_outcome *outcome, void *data) {
    addition *adding = data;
    if (!outcome->ok) {
        pass_on(adding->request, outcome);
        free(adding);
        return;
    }
    last_known = cJSON_GetNumberValue(outcome->value);
    try_to_add(adding);
}

static void on_set(const glomers_outcome *outcome, void *data) {
    addition *adding = data;
    if (!outcome->ok && outcome->code == GLOMERS_PRECONDITION_FAILED) {
        glomers_kv_read(GLOMERS_SEQ_KV, COUNTER, PATIENCE_MS, on_refreshed, adding);
        return;
    }
    if (outcome->ok) {
        last_known = adding->expected + adding->delta;
        glomers_reply(adding->request, glomers_body("add_ok"));
    } else {
        pass_on(adding->request, outcome);
    }
    free(adding);
}

static void try_to_add(addition *adding) {
    adding->expected = last_known;
    cJSON *from = cJSON_CreateNumber(adding->expected);
    cJSON *to = cJSON_CreateNumber(adding->expected + adding->delta);
    glomers_kv_cas(GLOMERS_SEQ_KV, COUNTER, from, to, true, PATIENCE_MS, on_set, adding);
}

static void on_add(const glomers_message *message) {
    const cJSON *delta = cJSON_GetObjectItemCaseSensitive(message->body, "delta");
    if (!cJSON_IsNumber(delta) || delta->valuedouble < 0) {
        glomers_fail(message->request, GLOMERS_MALFORMED_REQUEST, "`delta` must be a number that is not negative");
        return;
    }
    addition *adding = malloc(sizeof *adding);
    if (adding == NULL) abort();
    *adding = (addition){.request = message->request, .delta = delta->valuedouble};
    try_to_add(adding);
}

/* ---- read ---- */

static void on_value(const glomers_outcome *outcome, void *data) {
    glomers_request *request = data;
    bool is_unset = !outcome->ok && outcome->code == GLOMERS_KEY_DOES_NOT_EXIST;
    if (outcome->ok || is_unset) {
        cJSON *answer = glomers_body("read_ok");
        cJSON_AddNumberToObject(answer, "value", is_unset ? 0 : cJSON_GetNumberValue(outcome->value));
        glomers_reply(*request, answer);
    } else {
        pass_on(*request, outcome);
    }
    free(request);
}

static void on_up_to_date(const glomers_outcome *outcome, void *data) {
    glomers_request *request = data;
    if (outcome->ok) {
        glomers_kv_read(GLOMERS_SEQ_KV, COUNTER, PATIENCE_MS, on_value, request);
        return;
    }
    pass_on(*request, outcome);
    free(request);
}

static void on_read(const glomers_message *message) {
    glomers_request *request = malloc(sizeof *request);
    if (request == NULL) abort();
    *request = message->request;
    /* 53 random bits, which a double holds. */
    cJSON *unheard_of = cJSON_CreateNumber((double)(glomers_random() >> 11));
    glomers_kv_write(GLOMERS_SEQ_KV, "barrier", unheard_of, PATIENCE_MS, on_up_to_date, request);
}

const glomers_handler glomers_handlers[] = {{"add", on_add}, {"read", on_read}, {0}};

const char *glomers_init(const glomers_context *context) {
    (void)context;
    return NULL;
}

/* ---- Swapping ---- */

enum { VERSION = 1 };

/* A request under way lives in callbacks, which cannot be handed over; each is over after a second or two. */
static cJSON *save(void) { return glomers_outstanding() > 0 ? NULL : cJSON_CreateNumber(last_known); }

static const char *load(const glomers_context *context, uint32_t version, const cJSON *state) {
    (void)context;
    (void)version; /* There has been no other. */
    if (!cJSON_IsNumber(state)) return "its state cannot be read: it is no number";
    last_known = state->valuedouble;
    return NULL;
}

GLOMERS_MIGRATION(VERSION, save, load)
