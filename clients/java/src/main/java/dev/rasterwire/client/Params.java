// Copyright The rasterwire authors. SPDX-License-Identifier: Apache-2.0

package dev.rasterwire.client;

import dev.rasterwire.v1.BandSpec;
import dev.rasterwire.v1.BoundingBox;
import dev.rasterwire.v1.DownloadParams;
import dev.rasterwire.v1.Format;
import dev.rasterwire.v1.Region;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Makes requests pleasant: {@code Params.image(id).bands("B3", "B11:20").box(w, s, e, n).format(FORMAT_NPY).build()}. */
public final class Params {
  private static final Pattern SCALED = Pattern.compile("(.+):(\\d+(?:\\.\\d*)?)");

  private final DownloadParams.Builder message;

  private Params(DownloadParams.Builder message) {
    this.message = message;
  }

  /** Begins a request for an image. */
  public static Params image(String id) {
    return new Params(DownloadParams.newBuilder().setImage(id));
  }

  /**
   * Asks for bands by their names, in this order. A number behind the last colon is the size of the band's pixels in
   * metres: {@code "B11:20"}.
   */
  public Params bands(String... names) {
    for (String name : names) {
      Matcher scaled = SCALED.matcher(name);
      message.addBands(
          scaled.matches()
              ? BandSpec.newBuilder().setId(scaled.group(1)).setScale(Double.parseDouble(scaled.group(2)))
              : BandSpec.newBuilder().setId(name));
    }
    return this;
  }

  /** Asks for the area between two longitudes and two latitudes, in degrees. */
  public Params box(double west, double south, double east, double north) {
    BoundingBox.Builder box = BoundingBox.newBuilder().setWest(west).setSouth(south).setEast(east).setNorth(north);
    message.setRegion(Region.newBuilder().setBoundingBox(box));
    return this;
  }

  /** Sets the size of a pixel in metres. */
  public Params scale(double metres) {
    message.setScale(metres);
    return this;
  }

  /** Sets the format of the file. */
  public Params format(Format format) {
    message.setFormat(format);
    return this;
  }

  /** The message so far, to set its other fields. */
  public DownloadParams.Builder message() {
    return message;
  }

  /** The request. */
  public DownloadParams build() {
    return message.build();
  }
}
