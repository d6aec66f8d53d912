/*
 * g-counter in C++: the counter is one key of seq-kv, which every node changes by compare-and-set.
 *
 * A cas that finds another value than expected reads and tries again. One that times out may have happened, so it is not
 * tried again: its client gets the timeout, and knows as little. A read of seq-kv may be stale; writing a value that is
 * new to the store brings this node up to date first.
 */
#include "glomers.hpp"

using namespace glomers;

namespace {

constexpr std::uint32_t patience_ms = 1000;
constexpr const char *counter = "counter";

/* What the counter was when this node last heard of it. */
std::int64_t last_known = 0;

void pass_on(const Request &request, const Outcome &failed) { request.fail(failed.code, failed.text); }

void add(const Request &request, std::int64_t delta) {
    std::int64_t sum = last_known + delta;
    seq_kv.cas(counter, last_known, sum, true, patience_ms, [=](const Outcome &set) {
        if (set.ok) {
            last_known = sum;
            return request.reply({{"type", "add_ok"}});
        }
        if (set.code != precondition_failed) return pass_on(request, set);
        seq_kv.read(counter, patience_ms, [=](const Outcome &read) {
            if (!read.ok) return pass_on(request, read);
            last_known = read.value.get<std::int64_t>();
            add(request, delta);
        });
    });
}

void on_add(const Message &message) {
    if (!message.body.contains("delta") || !message.body["delta"].is_number_unsigned()) {
        return message.request.fail(malformed_request, "`delta` must be an integer that is not negative");
    }
    add(message.request, message.body["delta"].get<std::int64_t>());
}

void on_read(const Message &message) {
    Request request = message.request;
    seq_kv.write("barrier", random_bits(), patience_ms, [=](const Outcome &up_to_date) {
        if (!up_to_date.ok) return pass_on(request, up_to_date);
        seq_kv.read(counter, patience_ms, [=](const Outcome &read) {
            if (!read.ok && read.code != key_does_not_exist) return pass_on(request, read);
            request.reply({{"type", "read_ok"}, {"value", read.ok ? read.value : json(0)}});
        });
    });
}

} // namespace

Plugin glomers::plugin() {
    Plugin plugin;
    plugin.on = {{"add", on_add}, {"read", on_read}};
    return plugin;
}
