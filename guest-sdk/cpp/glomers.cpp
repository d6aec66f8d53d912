/* The events of the contract, as handlers and lambdas. */

#include "glomers.hpp"

#include <cstdlib>
#include <unordered_map>

#include "contract.h"

namespace glomers {
namespace {

Plugin &the_plugin() {
    static Plugin plugin = glomers::plugin();
    return plugin;
}

std::unordered_map<std::uint64_t, Then> calls;
std::unordered_map<std::uint64_t, std::function<void()>> timers;

/* Takes over a string that the host has handed in. */
std::string take(char *bytes, std::size_t length) {
    std::string text(bytes, length);
    std::free(bytes);
    return text;
}

std::string take(contract_string string) { return take(string.bytes, string.length); }

void expect(std::uint64_t call, Then then) { calls.emplace(call, std::move(then)); }

void settle(std::uint64_t call, const Outcome &outcome) {
    auto found = calls.extract(call);
    if (!found.empty() && found.mapped()) found.mapped()(outcome);
}

/* Text that need not be UTF-8, from a plugin's own strings, must not end the node. */
std::string text_of(const json &value) {
    return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

/* Deeper bodies than any protocol has would not fit on the stack. */
constexpr int max_depth = 128;

/* A body that cannot be parsed is `discarded`. */
json parse(const std::string &text) {
    auto shallow = [](int depth, json::parse_event_t, json &) { return depth <= max_depth; };
    return json::parse(text, shallow, false);
}

} // namespace

void Request::reply(const json &body) const {
    std::string text = text_of(body);
    if (wants_answer_) contract_reply(id_, text.data(), text.size());
}

void Request::fail(std::uint32_t code, const std::string &text) const {
    if (wants_answer_) contract_fail(id_, code, text.data(), text.size());
}

void send(const std::string &dest, const json &body) {
    std::string text = text_of(body);
    contract_send(dest.data(), dest.size(), text.data(), text.size());
}

void call(const std::string &dest, const json &body, std::uint32_t timeout_ms, Then then) {
    std::string text = text_of(body);
    expect(contract_call(dest.data(), dest.size(), text.data(), text.size(), timeout_ms), std::move(then));
}

void Store::read(const json &key, std::uint32_t timeout_ms, Then then) const {
    std::string name = text_of(key);
    expect(contract_kv_read(number_, name.data(), name.size(), timeout_ms), std::move(then));
}

void Store::write(const json &key, const json &value, std::uint32_t timeout_ms, Then then) const {
    std::string name = text_of(key), text = text_of(value);
    expect(contract_kv_write(number_, name.data(), name.size(), text.data(), text.size(), timeout_ms),
           std::move(then));
}

void Store::cas(const json &key, const json &from, const json &to, bool create, std::uint32_t timeout_ms,
                Then then) const {
    std::string name = text_of(key), old = text_of(from), text = text_of(to);
    expect(contract_kv_cas(number_, name.data(), name.size(), old.data(), old.size(), text.data(), text.size(), create,
                           timeout_ms),
           std::move(then));
}

void timestamp(std::uint32_t timeout_ms, Then then) { expect(contract_timestamp(timeout_ms), std::move(then)); }

std::uint64_t after(std::uint32_t milliseconds, std::function<void()> fire) {
    std::uint64_t timer = contract_set_timer(milliseconds);
    timers.emplace(timer, std::move(fire));
    return timer;
}

void cancel(std::uint64_t timer) {
    contract_cancel_timer(timer);
    timers.erase(timer);
}

std::uint64_t now() { return contract_now(); }

std::uint64_t random_bits() { return contract_random(); }

void uncaught(const char *what) {
    log(Level::error, std::string("uncaught exception: ") + what);
    std::abort();
}

void log(Level level, const std::string &text) {
    contract_log(static_cast<std::int32_t>(level), text.data(), text.size());
}

} // namespace glomers

using namespace glomers;

contract_started *contract_init(char *node_id, size_t node_id_length, contract_string *node_ids, size_t node_count,
                                contract_setting *settings, size_t setting_count) {
    static contract_started started;
    static std::string reason;
    Context context;
    context.node_id = take(node_id, node_id_length);
    for (size_t i = 0; i < node_count; i++) context.node_ids.push_back(take(node_ids[i]));
    for (size_t i = 0; i < setting_count; i++) {
        context.settings.emplace_back(take(settings[i].key), take(settings[i].value));
    }
    std::free(node_ids);
    std::free(settings);
    Plugin &plugin = the_plugin();
    if (plugin.init) reason = plugin.init(context);
    if (!reason.empty()) started = {1, {reason.data(), reason.size()}};
    return &started;
}

void contract_on_message(char *src, size_t src_length, int32_t has_request, uint64_t request, char *body,
                         size_t length) {
    Message message{take(src, src_length), Request(has_request != 0, request), parse(take(body, length))};
    if (!message.body.is_object() || !message.body.contains("type") || !message.body["type"].is_string()) {
        message.request.fail(malformed_request, "the body has no type");
        return;
    }
    auto &handlers = the_plugin().on;
    auto handler = handlers.find(message.body["type"].get_ref<const std::string &>());
    if (handler == handlers.end()) {
        message.request.fail(not_supported, "no such type of message here");
        return;
    }
    handler->second(message);
}

void contract_on_reply(uint64_t call, int32_t is_failure, uintptr_t first, uintptr_t second, size_t third) {
    if (is_failure) {
        std::string text = take(reinterpret_cast<char *>(second), third);
        settle(call, {false, nullptr, static_cast<std::uint32_t>(first), text});
        return;
    }
    json value = parse(take(reinterpret_cast<char *>(first), second));
    if (value.is_discarded()) {
        settle(call, {false, nullptr, crash, "the answer is nested too deeply"});
    } else {
        settle(call, {true, std::move(value), 0, ""});
    }
}

void contract_on_timer(uint64_t timer) {
    auto found = timers.extract(timer);
    if (!found.empty()) found.mapped()();
}

void contract_on_expired(uint64_t request) {
    if (the_plugin().expired) the_plugin().expired(Request(true, request));
}
