/* A node that dies as its requests say. */
#include "glomers.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

__attribute__((noinline)) static int look_up(volatile int key) {
    assert(key < 3);
    return key;
}

__attribute__((noinline)) static void give_up(void) { abort(); }

__attribute__((noinline)) static int dig(volatile int depth) {
    volatile int here[64] = {depth};
    return dig(depth + 1) + here[depth % 64];
}

static void on_panic(const glomers_message *message) {
    (void)message;
    look_up(7);
}

static void on_abort(const glomers_message *message) {
    (void)message;
    give_up();
}

static void on_overflow(const glomers_message *message) {
    (void)message;
    dig(0);
}

static void on_stray(const glomers_message *message) {
    (void)message;
    *(volatile int *)0x7ffffff0 = 1;
}

static void on_exit_(const glomers_message *message) {
    (void)message;
    exit(0);
}

static void on_fail(const glomers_message *message) {
    (void)message;
    fprintf(stderr, "no such table\n");
    exit(1);
}

static void on_loop(const glomers_message *message) {
    (void)message;
    for (volatile int turns = 0;; turns++) {}
}

static void on_memory(const glomers_message *message) {
    (void)message;
    for (;;) {
        volatile char *block = malloc(1 << 20);
        if (block != NULL) block[0] = 1;
    }
}

const glomers_handler glomers_handlers[] = {
    {"panic", on_panic}, {"abort", on_abort}, {"overflow", on_overflow}, {"stray", on_stray},
    {"exit", on_exit_}, {"fail", on_fail}, {"loop", on_loop}, {"memory", on_memory}, {0},
};

const char *glomers_init(const glomers_context *context) {
    if (context->setting_count > 0) look_up(9);
    return NULL;
}
