// SPDX-License-Identifier: MIT
//
// HttpServer asked by HttpClient (both versions it speaks, at once and in turn), channels over a unix socket, datagrams, a child.

import com.sun.net.httpserver.HttpServer;
import java.net.*;
import java.net.http.*;
import java.nio.ByteBuffer;
import java.nio.channels.*;
import java.nio.file.*;
import java.util.*;
import java.util.concurrent.*;
import java.util.stream.*;

public class Server {
    public static void main(String[] arguments) throws Exception {
        ExecutorService threads = Executors.newFixedThreadPool(4);
        HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", 0), 50);
        server.createContext("/", exchange -> {
            byte[] body = exchange.getRequestBody().readAllBytes();
            byte[] answer = (exchange.getRequestMethod() + " " + exchange.getRequestURI() + " " + body.length).getBytes();
            exchange.sendResponseHeaders(200, answer.length);
            exchange.getResponseBody().write(answer);
            exchange.close();
        });
        server.setExecutor(threads);
        server.start();
        String base = "http://127.0.0.1:" + server.getAddress().getPort();
        HttpClient client = HttpClient.newBuilder().executor(threads).proxy(HttpClient.Builder.NO_PROXY).build();
        for (int n = 0; n < 5; n++)
            System.out.println(client.send(HttpRequest.newBuilder(URI.create(base + "/" + n)).build(),
                HttpResponse.BodyHandlers.ofString()).body());
        List<CompletableFuture<Integer>> many = IntStream.range(0, 40).mapToObj(n -> client.sendAsync(
            HttpRequest.newBuilder(URI.create(base + "/many")).POST(HttpRequest.BodyPublishers.ofByteArray(new byte[50000])).build(),
            HttpResponse.BodyHandlers.ofString()).thenApply(HttpResponse::statusCode)).collect(Collectors.toList());
        System.out.println(many.stream().map(CompletableFuture::join).collect(Collectors.toList()));
        try {
            client.send(HttpRequest.newBuilder(URI.create("http://127.0.0.1:1/")).build(), HttpResponse.BodyHandlers.discarding());
        } catch (ConnectException refused) {
            System.out.println("refused");
        }
        URLConnection old = new URL(base + "/old").openConnection(Proxy.NO_PROXY);
        System.out.println(new String(old.getInputStream().readAllBytes()));
        server.stop(0);
        threads.shutdown();

        UnixDomainSocketAddress path = UnixDomainSocketAddress.of(Path.of("java.sock").toAbsolutePath());
        try (ServerSocketChannel listener = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            listener.bind(path);
            try (SocketChannel one = SocketChannel.open(path); SocketChannel other = listener.accept()) {
                one.write(ByteBuffer.wrap("channel".getBytes()));
                ByteBuffer read = ByteBuffer.allocate(100);
                other.read(read);
                System.out.println(new String(read.array(), 0, read.position()));
            }
        }
        try (DatagramSocket one = new DatagramSocket(0, InetAddress.getLoopbackAddress()); DatagramSocket other = new DatagramSocket()) {
            other.send(new DatagramPacket("datagram".getBytes(), 8, one.getLocalSocketAddress()));
            DatagramPacket packet = new DatagramPacket(new byte[100], 100);
            one.receive(packet);
            System.out.println(new String(packet.getData(), 0, packet.getLength()));
        }
        Process child = new ProcessBuilder("sh", "-c", "echo child; exit 3").start();
        System.out.print(new String(child.getInputStream().readAllBytes()));
        System.out.println(child.waitFor());
    }
}
