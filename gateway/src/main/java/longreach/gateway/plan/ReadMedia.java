package longreach.gateway.plan;

import java.util.List;
import longreach.v1.Modality;

/**
 * A media part of the request after it was read.
 *
 * @param id {@code files/ID} or {@code inline/N}
 * @param title what people call it
 */
public record ReadMedia(String id, String title, Modality modality, List<Unit> units) {}
