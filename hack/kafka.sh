#!/usr/bin/env bash
# A real Apache Kafka on this machine's loopback, for integration tests and benchmarks. KRaft, no containers.
#
#   hack/kafka.sh deps             get what is needed: the broker's jars (by mvn) and, as root with apt-get, Java and mvn
#   hack/kafka.sh up [N] [--sasl]  start N brokers (1 to 9, default 1) on empty data; prints the bootstrap servers
#   hack/kafka.sh servers          print the bootstrap servers again
#   hack/kafka.sh pids             print the brokers' process ids, one a line
#   hack/kafka.sh freeze | thaw    stop the processes in their tracks (SIGSTOP); let them go on
#   hack/kafka.sh kill             kill -9; data stays
#   hack/kafka.sh restart          start again on the data that is there (stops brokers that still run)
#   hack/kafka.sh down             stop the brokers and delete their data; logs stay
#
# freeze, thaw, kill and restart take a broker's number (from 0) as argument; without one they mean all.
#
# Settings come from the environment. Instances live side by side when KAFKA_DIR and KAFKA_PORT differ.
#   KAFKA_DIR             state of this instance: data, logs, process ids. Default .cache/kafka of the repository
#   KAFKA_PORT            first port, broker i takes PORT+10i to PORT+10i+3. Default 19092; 0 finds free ones
#   KAFKA_HOST            address that it listens at and tells clients, default 127.0.0.1
#   KAFKA_VERSION         default 4.2.1
#   KAFKA_CACHE           jars, a folder for each version. Default eventing-kafka-go/kafka in the user's cache
#   KAFKA_HEAP            of each broker, default 512m
#   KAFKA_JAVA            java command, version 17 or newer. Default $JAVA_HOME/bin/java, else java
#   KAFKA_MAX_MESSAGE     bytes of the largest record batch that brokers take and replicate. Default: Kafka's own
#   KAFKA_PROPERTIES      more broker settings, "key=value", separated by newlines
#
# With --sasl, broker i also has SASL_SSL on PORT+10i+2, SCRAM-SHA-512 and PLAIN, user "bench", password "bench-secret";
# and SSL on PORT+10i+3, which demands a client certificate. The authority of all is $KAFKA_DIR/tls/ca.crt with key ca.key.
# Users but that one may do what access control lists allow; whoever comes by PLAINTEXT may do everything.
#
# Exit codes: 1 it failed; 2 wrong usage; 3 this machine has no Java or cannot get the jars, so that callers can go on
# without a real Kafka.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
dir=${KAFKA_DIR:-$root/.cache/kafka}
version=${KAFKA_VERSION:-4.2.1}
host=${KAFKA_HOST:-127.0.0.1}
cache=${KAFKA_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/eventing-kafka-go/kafka}
lib=$cache/$version
java=${KAFKA_JAVA:-${JAVA_HOME:+$JAVA_HOME/bin/}java}
user=bench
password=bench-secret

say() { echo "kafka.sh: $*" >&2; }
die() { say "$*"; exit 1; }
unavailable() { say "$*"; exit 3; }

# --- what a broker needs ---------------------------------------------------------------------------------------------

java_version() { # major version, 0 without Java
  local text
  text=$("$java" -version 2>&1) || { echo 0; return; }
  [[ $text =~ version\ \"([0-9]+) ]] && echo "${BASH_REMATCH[1]}" || echo 0
}

need_java() {
  (($(java_version) >= 17)) || unavailable "no Java 17 or newer ($java): install one, name it by KAFKA_JAVA or JAVA_HOME," \
    "or let 'hack/kafka.sh deps' do it (root, apt-get)"
}

may_install() { [[ $(id -u) == 0 ]] && command -v apt-get >/dev/null; }

install() { # packages
  say "apt-get install $*"
  DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@" >/dev/null 2>&1
}

install_java() {
  may_install || return 0
  local packages=()
  (($(java_version) >= 17)) || packages+=(openjdk-17-jre-headless)
  have_jars || command -v mvn >/dev/null || packages+=(maven)
  ((${#packages[@]})) || return 0
  install "${packages[@]}" && return
  apt-get update >/dev/null 2>&1 || true
  install "${packages[@]}" && return
  install "${packages[@]/openjdk-17-jre-headless/default-jre-headless}" || say "apt-get could not install ${packages[*]}"
}

have_jars() { [[ -d $lib ]]; }

# The folder of a version appears by a rename, so that it is complete whoever looks and however many fetch it at once.
fetch_jars() {
  have_jars && return
  command -v mvn >/dev/null || unavailable "no mvn to fetch Kafka $version with, and no jars in $lib"
  mkdir -p "$cache"
  local tmp
  tmp=$(mktemp -d "$cache/.fetch.XXXXXX")
  pom >"$tmp/pom.xml"
  if ! mvn -q -B -Dstyle.color=never -f "$tmp/pom.xml" dependency:copy-dependencies -DincludeScope=runtime \
    -DoutputDirectory="$tmp/lib" >"$tmp/log" 2>&1; then
    local why
    why=$(grep -m1 ERROR "$tmp/log" || tail -1 "$tmp/log")
    rm -rf "$tmp"
    unavailable "mvn could not fetch Kafka $version: $why"
  fi
  have_jars || mv "$tmp/lib" "$lib"
  rm -rf "$tmp"
}

pom() {
  cat <<POM
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>local</groupId><artifactId>kafka-broker</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>$version</version></dependency>
    <dependency><groupId>org.apache.logging.log4j</groupId><artifactId>log4j-core</artifactId><version>2.25.3</version></dependency>
    <dependency><groupId>org.apache.logging.log4j</groupId><artifactId>log4j-slf4j-impl</artifactId><version>2.25.3</version></dependency>
  </dependencies>
</project>
POM
}

# --- configuration ---------------------------------------------------------------------------------------------------

listens() { (exec 3<>"/dev/tcp/$host/$1") 2>/dev/null; }

# Ports below 32768 are not handed out to outgoing connections, so a free one is likely to stay free until it is bound.
choose_port() { # brokers
  local want=${KAFKA_PORT:-19092} try base p
  ((want != 0)) && { echo "$want"; return; }
  for ((try = 0; try < 50; try++)); do
    base=$((20000 + RANDOM % 1200 * 10))
    for ((p = base; p < base + 10 * $1; p++)); do listens "$p" && continue 2; done
    echo "$base"
    return
  done
  die "found no free ports"
}

log_settings() {
  cat <<LOG
status=error
appender.c.type=Console
appender.c.name=c
appender.c.layout.type=PatternLayout
appender.c.layout.pattern=%d{ISO8601} %-5p %c{1} %m%n
rootLogger.level=warn
rootLogger.appenderRef.c.ref=c
logger.k.name=kafka.server.KafkaRaftServer
logger.k.level=info
LOG
}

# Java properties of one broker: small, quick to start, quick to rebalance.
properties() { # id brokers sasl port
  local id=$1 n=$2 sasl=$3 first=$4 port=$(($4 + 10 * $1)) voters="" secured="" i rf=1
  for ((i = 0; i < n; i++)); do voters+="${voters:+,}$i@$host:$((first + 10 * i + 1))"; done
  ((n >= 3)) && rf=3
  [[ $sasl ]] && secured=",SASL_SSL://$host:$((port + 2)),SSL://$host:$((port + 3))"
  cat <<P
process.roles=broker,controller
node.id=$id
controller.quorum.voters=$voters
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://$host:$port,CONTROLLER://$host:$((port + 1))$secured
advertised.listeners=PLAINTEXT://$host:$port$secured
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL_SSL:SASL_SSL,SSL:SSL
inter.broker.listener.name=PLAINTEXT
log.dirs=$dir/data/$id
num.partitions=1
default.replication.factor=$rf
offsets.topic.replication.factor=$rf
offsets.topic.num.partitions=10
transaction.state.log.replication.factor=$rf
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=5
share.coordinator.state.topic.replication.factor=$rf
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=5
group.initial.rebalance.delay.ms=0
group.consumer.min.session.timeout.ms=6000
auto.create.topics.enable=false
log.segment.bytes=104857600
log.segment.delete.delay.ms=1000
log.retention.check.interval.ms=10000
num.network.threads=2
num.io.threads=4
P
  if [[ ${KAFKA_MAX_MESSAGE:-} ]]; then
    echo "message.max.bytes=$KAFKA_MAX_MESSAGE"
    echo "replica.fetch.max.bytes=$KAFKA_MAX_MESSAGE"
  fi
  if [[ $sasl ]]; then
    local jaas=org.apache.kafka.common.security
    cat <<P
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-512
listener.name.sasl_ssl.plain.sasl.jaas.config=$jaas.plain.PlainLoginModule required user_$user="$password";
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=$jaas.scram.ScramLoginModule required;
ssl.keystore.type=PEM
ssl.keystore.location=$dir/tls/server.pem
listener.name.ssl.ssl.client.auth=required
listener.name.ssl.ssl.truststore.type=PEM
listener.name.ssl.ssl.truststore.location=$dir/tls/ca.crt
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS;User:$user
P
  fi
  echo "${KAFKA_PROPERTIES:-}"
}

# A certificate authority and the brokers' key store, made for this start.
certificates() {
  command -v openssl >/dev/null || die "--sasl needs openssl"
  local t=$dir/tls
  rm -rf "$t"
  mkdir -p "$t"
  {
    openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=kafka-test-ca -keyout "$t/ca.key" -out "$t/ca.crt"
    openssl req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout "$t/server.key" -out "$t/server.csr"
    openssl x509 -req -in "$t/server.csr" -CA "$t/ca.crt" -CAkey "$t/ca.key" -CAcreateserial -days 30 \
      -out "$t/server.crt" -extfile <(echo "subjectAltName=DNS:localhost,IP:$host")
    cat "$t/server.key" "$t/server.crt" "$t/ca.crt" >"$t/server.pem"
  } >"$t/log" 2>&1 || die "openssl failed: $(tail -1 "$t/log")"
}

format() { # id cluster-id sasl
  local scram=()
  [[ $3 ]] && scram=(--add-scram "SCRAM-SHA-512=[name=$user,password=$password]")
  "$java" -Xmx128m -XX:TieredStopAtLevel=1 -cp "$lib/*" -Dlog4j2.configurationFile="$dir/log4j2.properties" \
    kafka.tools.StorageTool format -t "$2" -c "$dir/$1.properties" --feature share.version=1 \
    ${scram[@]+"${scram[@]}"} >"$dir/$1.format.log" 2>&1 || die "format failed: $(head -2 "$dir/$1.format.log")"
}

# --- processes -------------------------------------------------------------------------------------------------------

brokers() { # ids: all that were set up, or the one that is asked for
  local f
  if [[ ${1:-} ]]; then
    [[ -f $dir/$1.properties ]] || die "there is no broker $1 in $dir"
    echo "$1"
    return
  fi
  for f in "$dir"/[0-9].properties; do [[ -f $f ]] && basename "$f" .properties; done
  return 0
}

# Prints the process id of a broker if that process is still this broker, whatever has got the number since.
pid_of() { # id
  local pid command
  pid=$(cat "$dir/$1.pid" 2>/dev/null) || return 1
  if [[ -r /proc/$pid/cmdline ]]; then
    command=$(tr '\0' ' ' <"/proc/$pid/cmdline")
  else
    command=$(ps -p "$pid" -o command= 2>/dev/null) || return 1
  fi
  [[ $command == *"kafka.Kafka $dir/$1.properties"* ]] && echo "$pid"
}

signal() { # signal [id]
  local id pid ids
  ids=$(brokers "${2:-}")
  for id in $ids; do pid=$(pid_of "$id") && kill "-$1" "$pid"; done
  return 0
}

# Starts a broker in a session of its own: an interrupt typed at a test is not meant for it. No shell stands between
# us and the JVM, whose process id is kept.
launch() { # id
  local session=nohup
  command -v setsid >/dev/null && session=setsid
  "$session" "$java" "-Xmx${KAFKA_HEAP:-512m}" "-Xms${KAFKA_HEAP:-512m}" -XX:+UseG1GC -XX:MaxGCPauseMillis=20 \
    -cp "$lib/*" -Dlog4j2.configurationFile="$dir/log4j2.properties" \
    kafka.Kafka "$dir/$1.properties" >>"$dir/$1.log" 2>&1 </dev/null &
  echo $! >"$dir/$1.pid"
}

await_ready() { # id
  local t port
  port=$(($(cat "$dir/port") + 10 * $1)) host=$(cat "$dir/host")
  for ((t = 0; t < 600; t++)); do
    kill -0 "$(cat "$dir/$1.pid")" 2>/dev/null || die "broker $1 ended: $(tail -5 "$dir/$1.log")"
    grep -q 'Kafka Server started' "$dir/$1.log" && listens "$port" && return
    sleep 0.1
  done
  die "broker $1 was not ready within 60 s: $(tail -5 "$dir/$1.log")"
}

await_end() { # id pid
  local t
  for ((t = 0; t < 150; t++)); do [[ $(pid_of "$1" || true) == "$2" ]] || return 0; sleep 0.1; done
  kill -9 "$2" 2>/dev/null || true
}

stop() { # [id]: end brokers and wait until they are gone
  local id pid ids
  ids=$(brokers "${1:-}")
  signal CONT "${1:-}"
  signal TERM "${1:-}"
  for id in $ids; do
    pid=$(pid_of "$id") && await_end "$id" "$pid"
    rm -f "$dir/$id.pid"
  done
}

start() { # ids
  local id
  for id in "$@"; do : >"$dir/$id.log"; done
  for id in "$@"; do launch "$id"; done
  for id in "$@"; do await_ready "$id"; done
}

# --- commands --------------------------------------------------------------------------------------------------------

cluster_id() { # base64 without padding, never beginning with '-', which reads as an option
  echo "A$(head -c16 /dev/urandom | base64 | tr '+/' '-_' | tr -d = | cut -c2-)"
}

deps() {
  install_java
  need_java
  fetch_jars
}

up() {
  local n=1 sasl="" a i port cluster ids=()
  for a in "$@"; do
    case $a in
      --sasl) sasl=1 ;;
      [1-9]) n=$a ;;
      *) usage ;;
    esac
  done
  need_java
  fetch_jars
  for i in $(brokers); do pid_of "$i" >/dev/null && die "already up in $dir ('hack/kafka.sh down' first)"; done
  mkdir -p "$dir"
  rm -rf "$dir/data" "$dir"/[0-9].{properties,pid,log,format.log}
  mkdir "$dir/data"
  trap down EXIT # whatever fails from here on leaves no broker behind
  [[ $sasl ]] && certificates
  port=$(choose_port "$n")
  echo "$port" >"$dir/port"
  echo "$host" >"$dir/host"
  log_settings >"$dir/log4j2.properties"
  cluster=$(cluster_id)
  for ((i = 0; i < n; i++)); do
    listens $((port + 10 * i)) && die "port $((port + 10 * i)) is taken (KAFKA_PORT=0 finds a free one)"
    properties "$i" "$n" "$sasl" "$port" >"$dir/$i.properties"
    format "$i" "$cluster" "$sasl"
    ids+=("$i")
  done
  start "${ids[@]}"
  trap - EXIT
  servers
}

servers() {
  local id ids out=""
  ids=$(brokers)
  [[ $ids ]] || die "not up in $dir"
  for id in $ids; do out+="${out:+,}$(cat "$dir/host"):$(($(cat "$dir/port") + 10 * id))"; done
  echo "$out"
}

pids() { local id; for id in $(brokers); do pid_of "$id" || true; done; }

restart() { # [id]
  local ids
  ids=$(brokers "${1:-}")
  [[ $ids ]] || die "nothing to restart in $dir"
  need_java
  stop "${1:-}"
  # shellcheck disable=SC2086 # ids are single digits
  start $ids
}

kill_hard() { # [id]
  local id pid ids
  ids=$(brokers "${1:-}")
  for id in $ids; do
    pid=$(pid_of "$id") || continue
    kill -9 "$pid"
    await_end "$id" "$pid"
  done
}

down() {
  stop
  rm -rf "$dir/data" "$dir"/[0-9].properties "$dir"/{tls,port,host}
}

usage() { sed -n '2,/^set/{s/^# \{0,1\}//p;}' "${BASH_SOURCE[0]}" >&2; exit 2; }

case ${1:-} in
  deps | servers | pids | down) "$1" ;;
  up) shift; up "$@" ;;
  freeze) signal STOP "${2:-}" ;;
  thaw) signal CONT "${2:-}" ;;
  kill) kill_hard "${2:-}" ;;
  restart) restart "${2:-}" ;;
  *) usage ;;
esac
