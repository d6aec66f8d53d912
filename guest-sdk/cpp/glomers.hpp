/*
 * Write a node of a distributed system in C++: a table of handlers, one for each type of message, and lambdas for what
 * comes back later.
 *
 *     glomers::Plugin glomers::plugin() {
 *         Plugin plugin;
 *         plugin.on["echo"] = [](const Message &message) {
 *             message.request.reply({{"type", "echo_ok"}, {"echo", message.body.at("echo")}});
 *         };
 *         return plugin;
 *     }
 *
 * The host delivers one event at a time: a handler is never interrupted, and nothing blocks. Bodies are nlohmann::json.
 * There are no exceptions here: what would throw (a missing field in `at`, a wrong type in `get`) ends the node and is told; use
 * `contains`, `is_number` and so on for what a client may get wrong, or `value` with a default.
 */
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace glomers {

/* Ends the node and tells why. What would throw comes here. */
[[noreturn]] void uncaught(const char *what);

} // namespace glomers

#define JSON_THROW_USER(exception) ::glomers::uncaught((exception).what())
#include <nlohmann/json.hpp>

namespace glomers {

using json = nlohmann::json;

/* Maelstrom's errors. Of the others, 0, 13 and from 1000 on leave open whether something happened. */
enum Code : std::uint32_t {
    timeout = 0,
    node_not_found = 1,
    not_supported = 10,
    temporarily_unavailable = 11,
    malformed_request = 12,
    crash = 13,
    abort = 14,
    key_does_not_exist = 20,
    key_already_exists = 21,
    precondition_failed = 22,
    txn_conflict = 30,
};

/* A request, or a message that wants no answer. May be kept and answered in a later event; the first answer counts. */
class Request {
public:
    Request(bool wants_answer, std::uint64_t id) : wants_answer_(wants_answer), id_(id) {}
    void reply(const json &body) const;
    void fail(std::uint32_t code, const std::string &text) const;
    bool operator==(const Request &) const = default;

private:
    bool wants_answer_;
    std::uint64_t id_;
};

struct Message {
    std::string src;
    Request request;
    json body;
};

/* What a node learns when it starts. */
struct Context {
    std::string node_id;
    std::vector<std::string> node_ids;
    std::vector<std::pair<std::string, std::string>> settings;
};

struct Plugin {
    /* Called first. Returns why the node cannot start, or an empty text. */
    std::function<std::string(const Context &)> init;
    /* One handler for each type of message. What is not here is refused with error 10, not supported. */
    std::map<std::string, std::function<void(const Message &)>> on;
    /* A client waits 5 s for an answer, and one that comes later must not be sent; so the host forgets a request after 4.9 s
     * (host --request-timeout), drops what answers it later, and this is called: what is kept for the request can go. Whoever
     * may take that long answers before, with the code `timeout` if the outcome is not known: `after` tells when. */
    std::function<void(const Request &)> expired;
};

/* What a plugin defines. Called once. */
Plugin plugin();

/* What became of a call: a body, or the value that was read; or else a failure. */
struct Outcome {
    bool ok;
    json value;
    std::uint32_t code;
    std::string text;
};

using Then = std::function<void(const Outcome &)>;

/* Sends a message that expects no answer, and may be lost. */
void send(const std::string &dest, const json &body);

/* Sends a request to a node or a service. No answer in time is a failure with the code `timeout`. */
void call(const std::string &dest, const json &body, std::uint32_t timeout_ms, Then then);

/* A key-value service. */
class Store {
public:
    explicit constexpr Store(int number) : number_(number) {}
    void read(const json &key, std::uint32_t timeout_ms, Then then) const;
    void write(const json &key, const json &value, std::uint32_t timeout_ms, Then then) const;
    /* Sets a key to `to` if it holds `from`, or if there is none and `create` is set. */
    void cas(const json &key, const json &from, const json &to, bool create, std::uint32_t timeout_ms,
             Then then) const;

private:
    int number_;
};

inline constexpr Store lin_kv{0}; /* linearizable */
inline constexpr Store seq_kv{1}; /* sequentially consistent: a read may be stale */
inline constexpr Store lww_kv{2}; /* last write wins: updates can be lost */

/* The next timestamp of lin-tso. */
void timestamp(std::uint32_t timeout_ms, Then then);

/* Calls `fire` once, after at least so many milliseconds. The id is for `cancel`. */
std::uint64_t after(std::uint32_t milliseconds, std::function<void()> fire);
void cancel(std::uint64_t timer);

/* The monotonic clock, in nanoseconds, and 64 random bits. In the bench both are simulated. */
std::uint64_t now();
std::uint64_t random_bits();

enum class Level { trace, debug, info, warn, error };

/* Writes a line to the node's log. What is printed to stdout and stderr goes there too. */
void log(Level level, const std::string &text);

} // namespace glomers
