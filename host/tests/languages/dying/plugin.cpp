/* A node that dies as its requests say. */
#include "glomers.hpp"

#include <cassert>
#include <cstdlib>
#include <vector>

using namespace glomers;

namespace table {

__attribute__((noinline)) int look_up(const json &body) {
    return body["key"].get<std::string>().size();
}

__attribute__((noinline)) int pick(const std::vector<int> &rows, std::size_t place) { return rows.at(place); }

__attribute__((noinline)) int dig(volatile int depth) {
    volatile int here[64] = {depth};
    return dig(depth + 1) + here[depth % 64];
}

} // namespace table

Plugin glomers::plugin() {
    Plugin plugin;
    plugin.init = [](const Context &context) {
        assert(context.settings.empty());
        return std::string();
    };
    plugin.on["panic"] = [](const Message &message) { table::look_up({{"key", message.body["msg_id"]}}); };
    plugin.on["vector"] = [](const Message &) { table::pick({1, 2}, 7); };
    plugin.on["abort"] = [](const Message &) { std::abort(); };
    plugin.on["overflow"] = [](const Message &) { table::dig(0); };
    plugin.on["exit"] = [](const Message &) { std::exit(0); };
    plugin.on["loop"] = [](const Message &) {
        for (volatile int turns = 0;;) turns = turns + 1;
    };
    plugin.on["memory"] = [](const Message &) {
        std::vector<std::string> hoard;
        for (;;) hoard.emplace_back(1 << 20, 'x');
    };
    return plugin;
}
