/* The events of the contract, as handlers and callbacks. */

#define _GNU_SOURCE /* vasprintf */

#include "glomers.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "contract.h"
#include "internal.h"

/* ---- What waits for an event ---- */

typedef struct waiting {
    uint64_t id;
    union {
        glomers_then *then;
        void (*fire)(void *data);
    } callback;
    void *data;
    struct waiting *next;
} waiting;

/* Ids are handed out in a row, so their remainders spread evenly. */
enum { BUCKETS = 256 };
static waiting *calls[BUCKETS];
static waiting *timers[BUCKETS];
static size_t outstanding;

static waiting *wait_for(waiting **table, uint64_t id, void *data) {
    waiting *entry = malloc(sizeof *entry);
    if (entry == NULL) abort();
    *entry = (waiting){.id = id, .data = data, .next = table[id % BUCKETS]};
    outstanding++;
    return table[id % BUCKETS] = entry;
}

/* Takes the entry out of the table; the caller frees it. NULL if there is none. */
static waiting *take(waiting **table, uint64_t id) {
    for (waiting **link = &table[id % BUCKETS]; *link != NULL; link = &(*link)->next) {
        if ((*link)->id == id) {
            waiting *entry = *link;
            *link = entry->next;
            outstanding--;
            return entry;
        }
    }
    return NULL;
}

static void expect(uint64_t call, glomers_then *then, void *data) {
    wait_for(calls, call, data)->callback.then = then;
}

/* ---- Events in ---- */

const glomers_context *glomers_take_context(char *node_id, contract_string *node_ids, size_t node_count,
                                            contract_setting *settings, size_t setting_count) {
    static glomers_context context;
    const char **names = calloc(node_count + 1, sizeof *names);
    glomers_setting *pairs = calloc(setting_count + 1, sizeof *pairs);
    if (names == NULL || pairs == NULL) abort();
    for (size_t i = 0; i < node_count; i++) names[i] = node_ids[i].bytes;
    for (size_t i = 0; i < setting_count; i++) {
        pairs[i] = (glomers_setting){settings[i].key.bytes, settings[i].value.bytes};
    }
    free(node_ids);
    free(settings);
    context = (glomers_context){node_id, names, node_count, pairs, setting_count};
    return &context;
}

contract_started *glomers_started(const char *reason) {
    static contract_started started;
    if (reason != NULL) started = (contract_started){1, {(char *)reason, strlen(reason)}};
    return &started;
}

contract_started *contract_init(char *node_id, size_t node_id_length, contract_string *node_ids, size_t node_count,
                                contract_setting *settings, size_t setting_count) {
    (void)node_id_length;
    return glomers_started(glomers_init(glomers_take_context(node_id, node_ids, node_count, settings, setting_count)));
}

static const glomers_handler *handler_for(const char *type) {
    for (const glomers_handler *handler = glomers_handlers; handler->type != NULL; handler++) {
        if (strcmp(handler->type, type) == 0) return handler;
    }
    return NULL;
}

static void dispatch(glomers_message *message) {
    message->type = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(message->body, "type"));
    if (message->type == NULL) {
        glomers_fail(message->request, GLOMERS_MALFORMED_REQUEST, "the body has no type");
        return;
    }
    const glomers_handler *handler = handler_for(message->type);
    if (handler == NULL) {
        glomers_fail(message->request, GLOMERS_NOT_SUPPORTED, "no such type of message here");
        return;
    }
    handler->handle(message);
}

void contract_on_message(char *src, size_t src_length, int32_t has_request, uint64_t request, char *body,
                         size_t length) {
    (void)src_length;
    cJSON *parsed = cJSON_ParseWithLength(body, length);
    glomers_message message = {
        .src = src, .request = {has_request != 0, request}, .body = parsed, .text = body,
    };
    /* The host checks that it is JSON; only what is too deep for cJSON comes here. */
    if (parsed == NULL) {
        glomers_fail(message.request, GLOMERS_MALFORMED_REQUEST, "the body is nested too deeply");
    } else {
        dispatch(&message);
    }
    cJSON_Delete(parsed);
    free(src);
    free(body);
}

static void settle(uint64_t call, const glomers_outcome *outcome) {
    waiting *entry = take(calls, call);
    if (entry == NULL) return;
    if (entry->callback.then != NULL) entry->callback.then(outcome, entry->data);
    free(entry);
}

void contract_on_reply(uint64_t call, int32_t is_failure, uintptr_t first, uintptr_t second, size_t third) {
    (void)third;
    if (is_failure) {
        char *text = (char *)second;
        settle(call, &(glomers_outcome){.ok = false, .code = (uint32_t)first, .text = text});
        free(text);
        return;
    }
    char *text = (char *)first;
    cJSON *value = cJSON_ParseWithLength(text, second);
    if (value == NULL) {
        settle(call, &(glomers_outcome){.ok = false, .code = GLOMERS_CRASH, .text = "the answer is nested too deeply"});
    } else {
        settle(call, &(glomers_outcome){.ok = true, .value = value, .text = ""});
    }
    cJSON_Delete(value);
    free(text);
}

void contract_on_timer(uint64_t timer) {
    waiting *entry = take(timers, timer);
    if (entry == NULL) return;
    entry->callback.fire(entry->data);
    free(entry);
}

/* For plugins that keep nothing for a request. */
__attribute__((weak)) void glomers_expired(glomers_request request) { (void)request; }

void contract_on_expired(uint64_t request) { glomers_expired((glomers_request){true, request}); }

/* ---- Effects out ---- */

/* The text of a JSON value, which is freed. */
static char *text_of(cJSON *value) {
    char *text = cJSON_PrintUnformatted(value);
    if (text == NULL) abort();
    cJSON_Delete(value);
    return text;
}

static cJSON *key_of(const char *key) { return cJSON_CreateString(key); }

cJSON *glomers_body(const char *type) {
    cJSON *body = cJSON_CreateObject();
    if (cJSON_AddStringToObject(body, "type", type) == NULL) abort();
    return body;
}

void glomers_send(const char *dest, cJSON *body) {
    char *text = text_of(body);
    contract_send(dest, strlen(dest), text, strlen(text));
    free(text);
}

void glomers_reply(glomers_request request, cJSON *body) {
    char *text = text_of(body);
    if (request.wants_answer) contract_reply(request.id, text, strlen(text));
    free(text);
}

void glomers_fail(glomers_request request, uint32_t code, const char *text) {
    if (request.wants_answer) contract_fail(request.id, code, text, strlen(text));
}

void glomers_call(const char *dest, cJSON *body, uint32_t timeout_ms, glomers_then *then, void *data) {
    char *text = text_of(body);
    expect(contract_call(dest, strlen(dest), text, strlen(text), timeout_ms), then, data);
    free(text);
}

void glomers_kv_read(glomers_store store, const char *key, uint32_t timeout_ms, glomers_then *then, void *data) {
    char *name = text_of(key_of(key));
    expect(contract_kv_read(store, name, strlen(name), timeout_ms), then, data);
    free(name);
}

void glomers_kv_write(glomers_store store, const char *key, cJSON *value, uint32_t timeout_ms, glomers_then *then,
                      void *data) {
    char *name = text_of(key_of(key)), *text = text_of(value);
    expect(contract_kv_write(store, name, strlen(name), text, strlen(text), timeout_ms), then, data);
    free(name);
    free(text);
}

void glomers_kv_cas(glomers_store store, const char *key, cJSON *from, cJSON *to, bool create, uint32_t timeout_ms,
                    glomers_then *then, void *data) {
    char *name = text_of(key_of(key)), *old = text_of(from), *new = text_of(to);
    expect(contract_kv_cas(store, name, strlen(name), old, strlen(old), new, strlen(new), create, timeout_ms), then,
           data);
    free(name);
    free(old);
    free(new);
}

void glomers_timestamp(uint32_t timeout_ms, glomers_then *then, void *data) {
    expect(contract_timestamp(timeout_ms), then, data);
}

uint64_t glomers_after(uint32_t milliseconds, void (*fire)(void *data), void *data) {
    uint64_t timer = contract_set_timer(milliseconds);
    wait_for(timers, timer, data)->callback.fire = fire;
    return timer;
}

void glomers_cancel(uint64_t timer) {
    contract_cancel_timer(timer);
    free(take(timers, timer));
}

size_t glomers_outstanding(void) { return outstanding; }

uint64_t glomers_now(void) { return contract_now(); }

uint64_t glomers_random(void) { return contract_random(); }

void glomers_log(glomers_level level, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    char *line = NULL;
    int length = vasprintf(&line, format, arguments);
    va_end(arguments);
    if (length >= 0) contract_log(level, line, (size_t)length);
    free(line);
}
