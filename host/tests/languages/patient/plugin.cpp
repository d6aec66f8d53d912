/* Speaks in init, keeps a request, and tells whether anybody waits for it. */

#include "glomers.hpp"

using namespace glomers;

static Request kept(false, 0);
static bool expired = false;

Plugin glomers::plugin() {
    Plugin plugin;
    plugin.init = [](const Context &) {
        send("n2", {{"type", "hello"}});
        after(50, [] { send("n2", {{"type", "tick"}}); });
        return "";
    };
    plugin.expired = [](const Request &request) { expired = request == kept; };
    plugin.on["keep"] = [](const Message &message) { kept = message.request; };
    plugin.on["ask"] = [](const Message &message) {
        send(message.src, {{"type", "kept"}, {"expired", expired}});
    };
    plugin.on["answer"] = [](const Message &) { kept.reply({{"type", "late"}}); };
    return plugin;
}
