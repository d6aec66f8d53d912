/*
 * echo in C++: answers each echo with what it carried.
 */
#include "glomers.hpp"

using namespace glomers;

Plugin glomers::plugin() {
    Plugin plugin;
    plugin.on["echo"] = [](const Message &message) {
        if (!message.body.contains("echo")) return message.request.fail(malformed_request, "missing field `echo`");
        message.request.reply({{"type", "echo_ok"}, {"echo", message.body["echo"]}});
    };
    return plugin;
}
