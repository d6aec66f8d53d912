/*
 * echo in JavaScript: answers each echo with what it carried, as far as JSON.parse keeps it (numbers are doubles there).
 */
import { ErrorCode, RpcError, node } from 'glomers';

node.on('echo', ({ body }) => {
  if (body.echo === undefined) throw new RpcError(ErrorCode.MALFORMED_REQUEST, 'missing field `echo`');
  return { type: 'echo_ok', echo: body.echo };
});
