/*
 * Write a node of a distributed system in C: a table of handlers, one for each type of message, and callbacks for what
 * comes back later.
 *
 *     static void on_echo(const glomers_message *message) {
 *         cJSON *answer = glomers_body("echo_ok");
 *         cJSON_AddItemToObject(answer, "echo", cJSON_Duplicate(cJSON_GetObjectItem(message->body, "echo"), true));
 *         glomers_reply(message->request, answer);
 *     }
 *
 *     const glomers_handler glomers_handlers[] = {{"echo", on_echo}, {0}};
 *     const char *glomers_init(const glomers_context *context) { return NULL; }
 *
 * The host delivers one event at a time: a handler is never interrupted, and nothing blocks. Bodies are cJSON objects; a
 * body, key or value passed to a function here belongs to that function, which frees it. What a handler or a callback
 * is given lives until it returns. cJSON keeps numbers as doubles, so integers are exact up to 2^53; glomers_message has
 * the text too. A trap (abort, a failed assert) ends the node.
 */
#ifndef GLOMERS_H
#define GLOMERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "third_party/cJSON.h"

/* ---- What a plugin defines ---- */

/* A request that wants an answer, or none. May be kept and answered in a later event. */
typedef struct {
    bool wants_answer;
    uint64_t id;
} glomers_request;

typedef struct {
    const char *src;         /* who sent it */
    glomers_request request; /* to be passed to glomers_reply or glomers_fail */
    const char *type;        /* the body's type */
    const cJSON *body;       /* the body, a JSON object */
    const char *text;        /* the body as the sender wrote it */
} glomers_message;

typedef struct {
    const char *type;
    void (*handle)(const glomers_message *message);
} glomers_handler;

/* One entry for each type of message, then {0}. What is not in it is refused with error 10, not supported. */
extern const glomers_handler glomers_handlers[];

typedef struct {
    const char *key;
    const char *value;
} glomers_setting;

/* What a node learns when it starts. Lives as long as the node. */
typedef struct {
    const char *node_id;          /* this node */
    const char *const *node_ids;  /* all nodes, this one included, in the same order everywhere */
    size_t node_count;
    const glomers_setting *settings; /* --set key=value */
    size_t setting_count;
} glomers_context;

/* Starts the node. Returns NULL, or the reason why it cannot start. */
const char *glomers_init(const glomers_context *context);

/*
 * A plugin may define this. A client waits 5 s for an answer, and one that comes later must not be sent; so the host forgets
 * a request after 4.9 s (host --request-timeout), drops what answers it later, and calls this: what the plugin keeps for the
 * request can go. Whoever may take that long answers before, with GLOMERS_TIMEOUT if the outcome is not known: glomers_after
 * tells when it is time.
 */
void glomers_expired(glomers_request request);

/* ---- What a plugin can do ---- */

/* Maelstrom's errors. Of the others, 0, 13 and from 1000 on leave open whether something happened. */
enum {
    GLOMERS_TIMEOUT = 0,
    GLOMERS_NODE_NOT_FOUND = 1,
    GLOMERS_NOT_SUPPORTED = 10,
    GLOMERS_TEMPORARILY_UNAVAILABLE = 11,
    GLOMERS_MALFORMED_REQUEST = 12,
    GLOMERS_CRASH = 13,
    GLOMERS_ABORT = 14,
    GLOMERS_KEY_DOES_NOT_EXIST = 20,
    GLOMERS_KEY_ALREADY_EXISTS = 21,
    GLOMERS_PRECONDITION_FAILED = 22,
    GLOMERS_TXN_CONFLICT = 30,
};

/* A new body of this type. */
cJSON *glomers_body(const char *type);

/* Sends a message that expects no answer, and may be lost. */
void glomers_send(const char *dest, cJSON *body);

/* Answers a request, with a body or with an error. The first answer counts. */
void glomers_reply(glomers_request request, cJSON *body);
void glomers_fail(glomers_request request, uint32_t code, const char *text);

/* What became of a call: a body, or the value that was read; or else a failure. */
typedef struct {
    bool ok;
    const cJSON *value; /* NULL when it failed */
    uint32_t code;      /* of the failure */
    const char *text;   /* of the failure */
} glomers_outcome;

/* Called once for each call, in a later event. `data` is what was given with the call. */
typedef void glomers_then(const glomers_outcome *outcome, void *data);

/* Sends a request to a node or a service. No answer in time is a failure with the code GLOMERS_TIMEOUT. */
void glomers_call(const char *dest, cJSON *body, uint32_t timeout_ms, glomers_then *then, void *data);

typedef enum {
    GLOMERS_LIN_KV, /* linearizable */
    GLOMERS_SEQ_KV, /* sequentially consistent: a read may be stale */
    GLOMERS_LWW_KV, /* last write wins: updates can be lost */
} glomers_store;

void glomers_kv_read(glomers_store store, const char *key, uint32_t timeout_ms, glomers_then *then, void *data);
void glomers_kv_write(glomers_store store, const char *key, cJSON *value, uint32_t timeout_ms, glomers_then *then,
                      void *data);
/* Sets a key to `to` if it holds `from`, or if there is none and `create` is set. */
void glomers_kv_cas(glomers_store store, const char *key, cJSON *from, cJSON *to, bool create, uint32_t timeout_ms,
                    glomers_then *then, void *data);

/* The next timestamp of lin-tso. */
void glomers_timestamp(uint32_t timeout_ms, glomers_then *then, void *data);

/* Calls `fire` once, after at least so many milliseconds. The id is for glomers_cancel. */
uint64_t glomers_after(uint32_t milliseconds, void (*fire)(void *data), void *data);
void glomers_cancel(uint64_t timer);

/* How many callbacks wait, for outcomes of calls and for timers. */
size_t glomers_outstanding(void);

/* The monotonic clock, in nanoseconds, and 64 random bits. In the bench both are simulated. */
uint64_t glomers_now(void);
uint64_t glomers_random(void);

typedef enum { GLOMERS_TRACE, GLOMERS_DEBUG, GLOMERS_INFO, GLOMERS_WARN, GLOMERS_ERROR } glomers_level;

/* Writes a line to the node's log. What is printed to stdout and stderr goes there too. */
void glomers_log(glomers_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
