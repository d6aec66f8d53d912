/*
 * The contract, wit/node.wit, as a core module sees it by the canonical ABI: what it imports, and what it has to export.
 * Strings are UTF-8, given as address and length. The SDKs for C and C++ stand on this; a plugin has no use for it.
 *
 * Strings the host hands in were allocated by cabi_realloc and belong to the guest. cabi_realloc adds a NUL behind each
 * block, so they can be used as C strings too, as far as they hold no NUL themselves.
 */
#ifndef GLOMERS_CONTRACT_H
#define GLOMERS_CONTRACT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define GLOMERS_IMPORT(interface, name) \
    __attribute__((import_module("glomers:node/" interface "@0.1.1"), import_name(name)))
#define GLOMERS_EXPORT(interface, name) __attribute__((export_name("glomers:node/" interface "@0.1.1#" name)))

/* A string as it lies in memory inside records and lists. */
typedef struct {
    char *bytes;
    size_t length;
} contract_string;

typedef struct {
    contract_string key;
    contract_string value;
} contract_setting;

/* result<_, string> in memory. */
typedef struct {
    uint8_t is_error;
    contract_string reason;
} contract_started;

/* result<option<saved>, string> in memory. */
typedef struct {
    uint8_t is_error;
    union {
        struct {
            uint8_t is_ready;
            uint32_t version;
            contract_string bytes;
        } saved;
        contract_string reason;
    };
} contract_saving;

/* interface host */
GLOMERS_IMPORT("host", "send")
void contract_send(const char *dest, size_t dest_length, const char *body, size_t length);
GLOMERS_IMPORT("host", "reply") void contract_reply(uint64_t request, const char *body, size_t length);
GLOMERS_IMPORT("host", "fail")
void contract_fail(uint64_t request, uint32_t code, const char *text, size_t length);
GLOMERS_IMPORT("host", "call")
uint64_t contract_call(const char *dest, size_t dest_length, const char *body, size_t length, uint32_t timeout_ms);
GLOMERS_IMPORT("host", "set-timer") uint64_t contract_set_timer(uint32_t after_ms);
GLOMERS_IMPORT("host", "cancel-timer") void contract_cancel_timer(uint64_t timer);
GLOMERS_IMPORT("host", "now") uint64_t contract_now(void);
GLOMERS_IMPORT("host", "random") uint64_t contract_random(void);
GLOMERS_IMPORT("host", "log") void contract_log(int32_t level, const char *text, size_t length);

/* interface kv */
GLOMERS_IMPORT("kv", "read")
uint64_t contract_kv_read(int32_t store, const char *key, size_t key_length, uint32_t timeout_ms);
GLOMERS_IMPORT("kv", "write")
uint64_t contract_kv_write(int32_t store, const char *key, size_t key_length, const char *value, size_t length,
                           uint32_t timeout_ms);
GLOMERS_IMPORT("kv", "cas")
uint64_t contract_kv_cas(int32_t store, const char *key, size_t key_length, const char *from, size_t from_length,
                         const char *to, size_t to_length, int32_t create, uint32_t timeout_ms);

/* interface oracle */
GLOMERS_IMPORT("oracle", "timestamp") uint64_t contract_timestamp(uint32_t timeout_ms);

/* interface node */
GLOMERS_EXPORT("node", "init")
contract_started *contract_init(char *node_id, size_t node_id_length, contract_string *node_ids, size_t node_count,
                                contract_setting *settings, size_t setting_count);
GLOMERS_EXPORT("node", "on-message")
void contract_on_message(char *src, size_t src_length, int32_t has_request, uint64_t request, char *body, size_t length);

/* interface events: of result<json, failure> the first case is (text, length), the second (code, text, length). */
GLOMERS_EXPORT("events", "on-reply")
void contract_on_reply(uint64_t call, int32_t is_failure, uintptr_t first, uintptr_t second, size_t third);
GLOMERS_EXPORT("events", "on-timer") void contract_on_timer(uint64_t timer);

/* interface expiry: a guest that defines this one is told which requests nobody waits for any more. */
GLOMERS_EXPORT("expiry", "on-expired") void contract_on_expired(uint64_t request);

/* interface migrate: a guest that defines these two can be replaced while its node runs. */
GLOMERS_EXPORT("migrate", "save") contract_saving *contract_save(void);
GLOMERS_EXPORT("migrate", "load")
contract_started *contract_load(char *node_id, size_t node_id_length, contract_string *node_ids, size_t node_count,
                                contract_setting *settings, size_t setting_count, uint32_t version, char *bytes,
                                size_t length);

#ifdef __cplusplus
}
#endif

#endif
