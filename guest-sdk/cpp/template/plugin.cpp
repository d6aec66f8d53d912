/*
 * {{name}}: what it promises, how, and what it costs.
 */
#include "glomers.hpp"

using namespace glomers;

Plugin glomers::plugin() {
    Plugin plugin;
    plugin.init = [](const Context &context) {
        log(Level::info, context.node_id + " is one of " + std::to_string(context.node_ids.size()) + " nodes");
        return std::string();
    };
    /* Fill in: one handler for each type of message. Calls, timers and the key-value services take lambdas. */
    plugin.on["echo"] = [](const Message &message) {
        if (!message.body.contains("echo")) return message.request.fail(malformed_request, "missing field `echo`");
        message.request.reply({{"type", "echo_ok"}, {"echo", message.body["echo"]}});
    };
    return plugin;
}
