/*
 * broadcast in C: who hears a value for the first time tells all its neighbours, and each of them again and again until
 * it acknowledges. So an acknowledged value reaches every node that stays alive, through partitions and loss.
 *
 * The same algorithm as plugins/broadcast-flood, which says what it costs.
 */
#include <stdlib.h>
#include <string.h>

#include "glomers.h"

enum { PATIENCE_MS = 1000 };

static const glomers_context *self;

/* ---- The values this node knows, sorted ---- */

static int64_t *values;
static size_t value_count, value_room;

static size_t lower_bound(int64_t value) {
    size_t low = 0, high = value_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (values[middle] < value) low = middle + 1;
        else high = middle;
    }
    return low;
}

/* Whether the value is new. */
static bool learn(int64_t value) {
    size_t at = lower_bound(value);
    if (at < value_count && values[at] == value) return false;
    if (value_count == value_room) {
        value_room = value_room ? 2 * value_room : 64;
        values = realloc(values, value_room * sizeof *values);
        if (values == NULL) abort();
    }
    memmove(values + at + 1, values + at, (value_count - at) * sizeof *values);
    values[at] = value;
    value_count++;
    return true;
}

/* ---- Telling neighbours ---- */

/* The names of the neighbours: all other nodes until the topology comes. */
static cJSON *neighbours;

typedef struct {
    char *neighbour;
    int64_t value;
} telling;

static void tell(telling *told);

static void on_told(const glomers_outcome *outcome, void *data) {
    telling *told = data;
    if (!outcome->ok) {
        tell(told);
        return;
    }
    free(told->neighbour);
    free(told);
}

static void tell(telling *told) {
    cJSON *body = glomers_body("broadcast");
    cJSON_AddNumberToObject(body, "message", (double)told->value);
    glomers_call(told->neighbour, body, PATIENCE_MS, on_told, told);
}

static void begin_to_tell(const char *neighbour, int64_t value) {
    telling *told = malloc(sizeof *told);
    if (told == NULL) abort();
    *told = (telling){strdup(neighbour), value};
    tell(told);
}

static void tell_all_but(const char *source, int64_t value) {
    const cJSON *neighbour;
    cJSON_ArrayForEach(neighbour, neighbours) {
        const char *name = cJSON_GetStringValue(neighbour);
        if (name != NULL && strcmp(name, source) != 0) begin_to_tell(name, value);
    }
}

/* ---- Requests ---- */

static void on_topology(const glomers_message *message) {
    const cJSON *topology = cJSON_GetObjectItemCaseSensitive(message->body, "topology");
    const cJSON *mine = cJSON_GetObjectItemCaseSensitive(topology, self->node_id);
    cJSON_Delete(neighbours);
    neighbours = mine != NULL ? cJSON_Duplicate(mine, true) : cJSON_CreateArray();
    glomers_reply(message->request, glomers_body("topology_ok"));
}

static void on_broadcast(const glomers_message *message) {
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(message->body, "message");
    if (!cJSON_IsNumber(value)) {
        glomers_fail(message->request, GLOMERS_MALFORMED_REQUEST, "`message` must be a number");
        return;
    }
    int64_t number = (int64_t)value->valuedouble;
    if (learn(number)) tell_all_but(message->src, number);
    glomers_reply(message->request, glomers_body("broadcast_ok"));
}

static void on_read(const glomers_message *message) {
    cJSON *answer = glomers_body("read_ok");
    cJSON *messages = cJSON_AddArrayToObject(answer, "messages");
    for (size_t i = 0; i < value_count; i++) {
        cJSON_AddItemToArray(messages, cJSON_CreateNumber((double)values[i]));
    }
    glomers_reply(message->request, answer);
}

const glomers_handler glomers_handlers[] = {
    {"topology", on_topology},
    {"broadcast", on_broadcast},
    {"read", on_read},
    {0},
};

const char *glomers_init(const glomers_context *context) {
    self = context;
    neighbours = cJSON_CreateArray();
    for (size_t i = 0; i < context->node_count; i++) {
        const char *name = context->node_ids[i];
        if (strcmp(name, context->node_id) != 0) cJSON_AddItemToArray(neighbours, cJSON_CreateString(name));
    }
    return NULL;
}
