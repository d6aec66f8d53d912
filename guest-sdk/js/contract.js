/*
 * The imports of the contract, wit/node.wit. The top level of every module runs once, while the plugin is built; there is
 * no host then, and whoever asks for one is told so.
 */
import nodeHost from 'glomers:node/host@0.1.1';
import nodeKv from 'glomers:node/kv@0.1.1';
import nodeOracle from 'glomers:node/oracle@0.1.1';

const building = new Proxy({}, {
  get(_, name) {
    throw new Error(
      `the top level of a plugin runs when it is built, where there is no host (${name}): use node.on('init', ...)`,
    );
  },
});

/** Whether the node has started. */
export let isConnected = false;

export let host = building;
export let kv = building;
export let oracle = building;

/** The node starts: from now on there is a host. */
export function connect() {
  isConnected = true;
  host = nodeHost;
  kv = nodeKv;
  oracle = nodeOracle;
}
