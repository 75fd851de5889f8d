/* libmosquitto in the benchmark: one thread, which drives the loop of the library itself, as mosquitto_pub and
 * mosquitto_sub do. The command line and the lines of figures are those of the programs in Rust (bench/yardstick). */
#include <mosquitto.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define TOPIC "plant/7/sensors"
#define ECHO_TOPIC "echo/t"
/* Round trips before those that count. */
#define WARM_UP 200

/* The command line. */
static const char *mode = "publish", *certificate;
static int port, qos, size = 16, window = 100;
static long long count = 100000;
static bool v5, is_server;

/* What the callbacks have seen. */
static long long connected, acknowledged, received;
static bool subscribed;

static double started, cpu_started;

static void fail(const char *what, const char *why) {
    fprintf(stderr, "%s: %s\n", what, why);
    exit(1);
}

static void check(const char *what, int result) {
    if (result != MOSQ_ERR_SUCCESS) fail(what, mosquitto_strerror(result));
}

static double seconds(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return now.tv_sec + now.tv_nsec * 1e-9;
}

static void start(void) {
    cpu_started = seconds(CLOCK_PROCESS_CPUTIME_ID);
    started = seconds(CLOCK_MONOTONIC);
}

static double cpu_ns(long long messages) {
    return (seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu_started) * 1e9 / messages;
}

static void report(void) {
    double rate = count / (seconds(CLOCK_MONOTONIC) - started);
    printf("rate %.0f cpu_ns %.1f\n", rate, cpu_ns(count));
}

/* The number in a line of what the kernel tells of this process. */
static long status(const char *name) {
    FILE *file = fopen("/proc/self/status", "r");
    char line[256];
    long value = 0;
    while (file && fgets(line, sizeof line, file))
        if (!strncmp(line, name, strlen(name))) value = atol(line + strlen(name));
    if (file) fclose(file);
    return value;
}

static void on_connect(struct mosquitto *client, void *context, int code) {
    (void)client, (void)context;
    if (code) fail("refused", mosquitto_connack_string(code));
    connected++;
}

static void on_publish(struct mosquitto *client, void *context, int id) {
    (void)client, (void)context, (void)id;
    acknowledged++;
}

static void on_subscribe(struct mosquitto *client, void *context, int id, int filters, const int *granted) {
    (void)client, (void)context, (void)id, (void)filters, (void)granted;
    subscribed = true;
}

static void on_message(struct mosquitto *client, void *context, const struct mosquitto_message *message) {
    (void)client, (void)context, (void)message;
    if (received++ == 0) start();
}

static void drive(struct mosquitto *client) {
    check("the loop", mosquitto_loop(client, 1000, 1));
}

static struct mosquitto *connect_as(const char *id) {
    struct mosquitto *client = mosquitto_new(id, true, NULL);
    if (!client) fail(id, "there is no memory");
    mosquitto_int_option(client, MOSQ_OPT_PROTOCOL_VERSION, v5 ? MQTT_PROTOCOL_V5 : MQTT_PROTOCOL_V311);
    mosquitto_int_option(client, MOSQ_OPT_TCP_NODELAY, 1);
    mosquitto_int_option(client, MOSQ_OPT_RECEIVE_MAXIMUM, 65535);
    mosquitto_max_inflight_messages_set(client, window);
    mosquitto_connect_callback_set(client, on_connect);
    mosquitto_publish_callback_set(client, on_publish);
    mosquitto_subscribe_callback_set(client, on_subscribe);
    mosquitto_message_callback_set(client, on_message);
    if (certificate) check("TLS", mosquitto_tls_set(client, certificate, NULL, NULL, NULL, NULL));
    long long before = connected;
    check("connecting", mosquitto_connect(client, certificate ? "localhost" : "127.0.0.1", port, 60));
    while (connected == before) drive(client);
    return client;
}

static void send_one(struct mosquitto *client, const char *topic, const void *payload, int with_qos) {
    check("publishing", mosquitto_publish(client, NULL, topic, size, payload, with_qos, false));
}

static void publish(struct mosquitto *client, const void *payload) {
    start();
    if (qos == 0) {
        for (long long number = 0; number < count; number++) {
            send_one(client, TOPIC, payload, 0);
            while (mosquitto_want_write(client)) drive(client);
        }
        /* It calls back for messages with QoS 0 too. */
        acknowledged = 0;
        send_one(client, TOPIC, payload, 1);
        while (acknowledged < 1) drive(client);
    } else {
        for (long long sent = 0; acknowledged < count;) {
            for (; sent < count && sent - acknowledged < window; sent++) send_one(client, TOPIC, payload, qos);
            drive(client);
        }
    }
    report();
}

static void receive(struct mosquitto *client) {
    char filter[128] = TOPIC;
    if (!is_server) snprintf(filter, sizeof filter, "flood/%d/%d/%lld/%d/#", qos, size, count, window);
    check("subscribing", mosquitto_subscribe(client, NULL, filter, qos));
    while (received < count) drive(client);
    report();
}

static int order(const void *left, const void *right) {
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

static void round_trips(struct mosquitto *client, const void *payload, bool echo) {
    double *trips = calloc(count, sizeof *trips);
    if (!trips) fail("round trips", "there is no memory");
    if (echo) {
        check("subscribing", mosquitto_subscribe(client, NULL, ECHO_TOPIC, 0));
        while (!subscribed) drive(client);
    }
    for (long long trip = 0; trip < WARM_UP + count; trip++) {
        if (trip == WARM_UP) start();
        double began = seconds(CLOCK_MONOTONIC);
        long long *seen = echo ? &received : &acknowledged, before = *seen;
        send_one(client, echo ? ECHO_TOPIC : TOPIC, payload, echo ? 0 : 1);
        while (*seen == before) drive(client);
        if (trip >= WARM_UP) trips[trip - WARM_UP] = (seconds(CLOCK_MONOTONIC) - began) * 1e6;
    }
    double cpu = cpu_ns(count);
    qsort(trips, count, sizeof *trips, order);
    printf("p50_us %.2f p99_us %.2f p999_us %.2f cpu_ns %.1f\n", trips[count / 2], trips[count * 99 / 100],
           trips[count * 999 / 1000], cpu);
}

static void idle(void) {
    long before = status("VmRSS:");
    for (long long number = 0; number < count; number++) {
        char id[32];
        snprintf(id, sizeof id, "idle-%lld", number);
        connect_as(id);
    }
    printf("bytes_each %.0f threads %ld\n", (status("VmRSS:") - before) * 1024.0 / count, status("Threads:"));
}

static void parse(int argc, char **argv) {
    for (int at = 1; at < argc; at++) {
        const char *name = argv[at];
        if (!strcmp(name, "--v5")) { v5 = true; continue; }
        if (!strcmp(name, "--server")) { is_server = true; continue; }
        if (!strcmp(name, "--receipts")) continue;
        if (++at == argc) fail(name, "it has no value");
        const char *value = argv[at];
        if (!strcmp(name, "--port")) port = atoi(value);
        else if (!strcmp(name, "--mode")) mode = value;
        else if (!strcmp(name, "--qos")) qos = atoi(value);
        else if (!strcmp(name, "--size")) size = atoi(value);
        else if (!strcmp(name, "--count")) count = atoll(value);
        else if (!strcmp(name, "--window")) window = atoi(value);
        else if (!strcmp(name, "--tls")) certificate = value;
        else fail(name, "it is not known");
    }
    if (!port) fail("--port", "it is missing");
}

int main(int argc, char **argv) {
    parse(argc, argv);
    mosquitto_lib_init();
    if (!strcmp(mode, "idle")) {
        idle();
        return 0;
    }
    char *payload = malloc(size + 1);
    if (!payload) fail("a payload", "there is no memory");
    memset(payload, 'x', size);
    char id[32];
    snprintf(id, sizeof id, "bench-%d", (int)getpid());
    struct mosquitto *client = connect_as(id);
    if (!strcmp(mode, "publish")) publish(client, payload);
    else if (!strcmp(mode, "receive")) receive(client);
    else round_trips(client, payload, !strcmp(mode, "echo"));
    mosquitto_disconnect(client);
    return 0;
}
