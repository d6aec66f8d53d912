;; A guest made for glomers:node@0.1.0, as wit-component put it together then. It answers requests of less than 30 bytes and
;; leaves others without an answer. It stands for every guest that was built before the contract grew, so it never changes.
(component
  (type $ty-glomers:node/types@0.1.0 (;0;)
    (instance
      (type (;0;) u64)
      (export (;1;) "request-id" (type (eq 0)))
      (type (;2;) string)
      (export (;3;) "json" (type (eq 2)))
      (type (;4;) string)
      (export (;5;) "node-id" (type (eq 4)))
      (type (;6;) (list 5))
      (type (;7;) (tuple string string))
      (type (;8;) (list 7))
      (type (;9;) (record (field "node-id" 5) (field "node-ids" 6) (field "settings" 8)))
      (export (;10;) "context" (type (eq 9)))
      (type (;11;) (option 1))
      (type (;12;) (record (field "src" 5) (field "request" 11) (field "body" 3)))
      (export (;13;) "message" (type (eq 12)))
    )
  )
  (import "glomers:node/types@0.1.0" (instance $glomers:node/types@0.1.0 (;0;) (type $ty-glomers:node/types@0.1.0)))
  (alias export $glomers:node/types@0.1.0 "request-id" (type $request-id (;1;)))
  (alias export $glomers:node/types@0.1.0 "json" (type $json (;2;)))
  (type $ty-glomers:node/host@0.1.0 (;3;)
    (instance
      (alias outer 1 $request-id (type (;0;)))
      (export (;1;) "request-id" (type (eq 0)))
      (alias outer 1 $json (type (;2;)))
      (export (;3;) "json" (type (eq 2)))
      (type (;4;) (func (param "to" 1) (param "body" 3)))
      (export (;0;) "reply" (func (type 4)))
    )
  )
  (import "glomers:node/host@0.1.0" (instance $glomers:node/host@0.1.0 (;1;) (type $ty-glomers:node/host@0.1.0)))
  (core module $main (;0;)
    (type (;0;) (func (param i64 i32 i32)))
    (type (;1;) (func (param i32 i32 i32 i32) (result i32)))
    (type (;2;) (func (param i32 i32 i32 i32 i32 i32) (result i32)))
    (type (;3;) (func (param i32 i32 i32 i64 i32 i32)))
    (import "glomers:node/host@0.1.0" "reply" (func $reply (;0;) (type 0)))
    (memory (;0;) 2)
    (global $end (;0;) (mut i32) i32.const 1024)
    (export "memory" (memory 0))
    (export "cabi_realloc" (func 1))
    (export "glomers:node/node@0.1.0#init" (func 2))
    (export "glomers:node/node@0.1.0#on-message" (func 3))
    (func (;1;) (type 1) (param $old i32) (param $old-size i32) (param $align i32) (param $size i32) (result i32)
      (local $place i32)
      global.get $end
      i32.const 7
      i32.add
      i32.const -8
      i32.and
      local.set $place
      local.get $place
      local.get $size
      i32.add
      global.set $end
      local.get $place
    )
    (func (;2;) (type 2) (param i32 i32 i32 i32 i32 i32) (result i32)
      i32.const 1024
      global.set $end
      i32.const 0
    )
    (func (;3;) (type 3) (param $src i32) (param $src-len i32) (param $is-request i32) (param $request i64) (param $body i32) (param $len i32)
      i32.const 1024
      global.set $end
      local.get $is-request
      local.get $len
      i32.const 30
      i32.lt_u
      i32.and
      if ;; label = @1
        local.get $request
        i32.const 16
        i32.const 17
        call $reply
      end
    )
    (data (;0;) (i32.const 16) "{\22type\22:\22old_ok\22}")
    (@producers
      (processed-by "wit-component" "0.258.3")
    )
  )
  (core module $wit-component-shim-module (;1;)
    (type (;0;) (func (param i64 i32 i32)))
    (table (;0;) 1 1 funcref)
    (export "0" (func 0))
    (export "$imports" (table 0))
    (func (;0;) (type 0) (param i64 i32 i32)
      local.get 0
      local.get 1
      local.get 2
      i32.const 0
      call_indirect (type 0)
    )
    (@producers
      (processed-by "wit-component" "0.258.3")
    )
  )
  (core instance $wit-component-shim-instance (;0;) (instantiate $wit-component-shim-module))
  (alias export $glomers:node/types@0.1.0 "context" (type $context (;4;)))
  (alias export $glomers:node/types@0.1.0 "message" (type $message (;5;)))
  (alias core export $wit-component-shim-instance "0" (core func $indirect-glomers:node/host@0.1.0-reply (;0;)))
  (core instance $glomers:node/host@0.1.0 (;1;)
    (export "reply" (func $indirect-glomers:node/host@0.1.0-reply))
  )
  (core instance $main (;2;) (instantiate $main
      (with "glomers:node/host@0.1.0" (instance $glomers:node/host@0.1.0))
    )
  )
  (alias core export $main "memory" (core memory $memory (;0;)))
  (core module $wit-component-fixup (;2;)
    (type (;0;) (func (param i64 i32 i32)))
    (import "actual" "0" (func (;0;) (type 0)))
    (import "shim" "$imports" (table (;0;) 1 1 funcref))
    (elem (;0;) (i32.const 0) func 0)
    (@producers
      (processed-by "wit-component" "0.258.3")
    )
  )
  (alias export $glomers:node/host@0.1.0 "reply" (func $reply (;0;)))
  (core func $"#core-func1 indirect-glomers:node/host@0.1.0-reply" (@name "indirect-glomers:node/host@0.1.0-reply") (;1;) (canon lower (func $reply) (memory $memory) string-encoding=utf8))
  (core instance $actual (;3;)
    (export "0" (func $"#core-func1 indirect-glomers:node/host@0.1.0-reply"))
  )
  (core instance $fixup (;4;) (instantiate $wit-component-fixup
      (with "actual" (instance $actual))
      (with "shim" (instance $wit-component-shim-instance))
    )
  )
  (type (;6;) (result (error string)))
  (type (;7;) (func (param "context" $context) (result 6)))
  (alias core export $main "glomers:node/node@0.1.0#init" (core func $glomers:node/node@0.1.0#init (;2;)))
  (alias core export $main "cabi_realloc" (core func $cabi_realloc (;3;)))
  (func $init (;1;) (type 7) (canon lift (core func $glomers:node/node@0.1.0#init) (memory $memory) (realloc $cabi_realloc) string-encoding=utf8))
  (type (;8;) (func (param "message" $message)))
  (alias core export $main "glomers:node/node@0.1.0#on-message" (core func $glomers:node/node@0.1.0#on-message (;4;)))
  (func $on-message (;2;) (type 8) (canon lift (core func $glomers:node/node@0.1.0#on-message) (memory $memory) (realloc $cabi_realloc) string-encoding=utf8))
  (alias export $glomers:node/types@0.1.0 "node-id" (type $node-id (;9;)))
  (alias export $glomers:node/types@0.1.0 "request-id" (type $"#type10 request-id" (@name "request-id") (;10;)))
  (alias export $glomers:node/types@0.1.0 "json" (type $"#type11 json" (@name "json") (;11;)))
  (component $glomers:node/node@0.1.0-shim-component (;0;)
    (type (;0;) string)
    (import "import-type-node-id" (type (;1;) (eq 0)))
    (type (;2;) (list 1))
    (type (;3;) (tuple string string))
    (type (;4;) (list 3))
    (type (;5;) (record (field "node-id" 1) (field "node-ids" 2) (field "settings" 4)))
    (import "import-type-context" (type (;6;) (eq 5)))
    (type (;7;) u64)
    (import "import-type-request-id" (type (;8;) (eq 7)))
    (type (;9;) string)
    (import "import-type-json" (type (;10;) (eq 9)))
    (type (;11;) (option 8))
    (type (;12;) (record (field "src" 1) (field "request" 11) (field "body" 10)))
    (import "import-type-message" (type (;13;) (eq 12)))
    (import "import-type-context0" (type (;14;) (eq 6)))
    (type (;15;) (result (error string)))
    (type (;16;) (func (param "context" 14) (result 15)))
    (import "import-func-init" (func (;0;) (type 16)))
    (import "import-type-message0" (type (;17;) (eq 13)))
    (type (;18;) (func (param "message" 17)))
    (import "import-func-on-message" (func (;1;) (type 18)))
    (export (;19;) "context" (type 6))
    (export (;20;) "message" (type 13))
    (type (;21;) (result (error string)))
    (type (;22;) (func (param "context" 19) (result 21)))
    (export (;2;) "init" (func 0) (func (type 22)))
    (type (;23;) (func (param "message" 20)))
    (export (;3;) "on-message" (func 1) (func (type 23)))
  )
  (instance $glomers:node/node@0.1.0-shim-instance (;2;) (instantiate $glomers:node/node@0.1.0-shim-component
      (with "import-func-init" (func $init))
      (with "import-func-on-message" (func $on-message))
      (with "import-type-node-id" (type $node-id))
      (with "import-type-context" (type $context))
      (with "import-type-request-id" (type $"#type10 request-id"))
      (with "import-type-json" (type $"#type11 json"))
      (with "import-type-message" (type $message))
      (with "import-type-context0" (type $context))
      (with "import-type-message0" (type $message))
    )
  )
  (export $glomers:node/node@0.1.0 (;3;) "glomers:node/node@0.1.0" (instance $glomers:node/node@0.1.0-shim-instance))
  (@producers
    (processed-by "wit-component" "0.258.3")
  )
)

