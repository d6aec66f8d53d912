/*
 * broadcast in C++: who hears a value for the first time tells all its neighbours, and each of them again and again until
 * it acknowledges. So an acknowledged value reaches every node that stays alive, through partitions and loss.
 *
 * The same algorithm as plugins/broadcast-flood, which says what it costs.
 */
#include <set>

#include "glomers.hpp"

using namespace glomers;

namespace {

constexpr std::uint32_t patience_ms = 1000;

struct {
    std::set<std::int64_t> values;
    /* All other nodes until the topology comes. */
    std::vector<std::string> neighbours;
    std::string id;
} node;

void tell(const std::string &neighbour, std::int64_t value) {
    json body = {{"type", "broadcast"}, {"message", value}};
    call(neighbour, body, patience_ms, [neighbour, value](const Outcome &outcome) {
        if (!outcome.ok) tell(neighbour, value);
    });
}

void on_topology(const Message &message) {
    node.neighbours.clear();
    json topology = message.body.value("topology", json::object());
    if (topology.contains(node.id)) {
        for (const json &name : topology[node.id]) node.neighbours.push_back(name.get<std::string>());
    }
    message.request.reply({{"type", "topology_ok"}});
}

void on_broadcast(const Message &message) {
    if (!message.body.contains("message") || !message.body["message"].is_number_integer()) {
        return message.request.fail(malformed_request, "`message` must be an integer");
    }
    auto value = message.body["message"].get<std::int64_t>();
    if (node.values.insert(value).second) {
        for (const std::string &neighbour : node.neighbours) {
            if (neighbour != message.src) tell(neighbour, value);
        }
    }
    message.request.reply({{"type", "broadcast_ok"}});
}

void on_read(const Message &message) { message.request.reply({{"type", "read_ok"}, {"messages", node.values}}); }

} // namespace

Plugin glomers::plugin() {
    Plugin plugin;
    plugin.init = [](const Context &context) {
        node.id = context.node_id;
        for (const std::string &name : context.node_ids) {
            if (name != node.id) node.neighbours.push_back(name);
        }
        return std::string();
    };
    plugin.on = {{"topology", on_topology}, {"broadcast", on_broadcast}, {"read", on_read}};
    return plugin;
}
